//! The use-cases of `doorward_identity::act` on a real store. They are here because
//! identity has none. An engine runs all of them by one line, [`use_cases!`]. Not
//! here: the rules alone, which `identity::decide` tests in tables, and the contract
//! of the store itself (`conformance`).

pub(crate) mod action;
pub(crate) mod address;
pub(crate) mod audit;
pub(crate) mod authority;
pub(crate) mod by_token;
pub(crate) mod challenge;
pub(crate) mod change;
pub(crate) mod class_rule;
pub(crate) mod client;
pub(crate) mod erase;
pub(crate) mod exchange;
pub(crate) mod factor;
pub(crate) mod hashing;
pub(crate) mod invitation;
pub(crate) mod key;
pub(crate) mod known;
pub(crate) mod leaver;
pub(crate) mod limit;
pub(crate) mod mail;
pub(crate) mod management;
pub(crate) mod membership;
pub(crate) mod notice;
pub(crate) mod other_realm;
pub(crate) mod present;
pub(crate) mod refresh;
pub(crate) mod replace;
pub(crate) mod session;
pub(crate) mod sign_in;
pub(crate) mod sign_up;
pub(crate) mod switch;
pub(crate) mod world;

/// Makes one test of each case, as `conformance!` does.
macro_rules! use_cases {
    ($open:path) => {
        crate::use_case::cases! { $open:
            class_rule: [
                a_class_limits_what_each_owner_has_active,
                expired_and_retiring_tokens_do_not_count,
                one_of_32_that_race_for_the_last_place_gets_it,
                each_expiry_rule_is_kept,
                each_kind_has_its_kind_of_owner,
                an_environment_is_named_where_there_are_any,
                a_ceiling_stays_within_owner_and_realm,
                a_kind_without_a_class_is_refused_and_written_down,
                a_class_names_the_permission_to_create,
                one_tenants_tokens_take_no_place_of_anothers,
                tokens_are_made_at_a_bounded_rate,
            ]
            limit: [
                the_realm_gives_a_tenant_an_amount_and_takes_it_back,
                a_tenants_own_administrator_gives_it_nothing,
                an_exposed_key_is_written_down_and_dies_where_the_realm_says_so,
                an_exposed_sign_in_ends_unless_its_token_was_given_to_somebody_else,
            ]
            replace: [
                a_replacement_keeps_the_expiry_or_gets_a_new_one,
                the_old_token_dies_at_once_or_after_the_grace,
                one_predecessor_lives_at_a_time,
                fl_49_an_overlap_is_chosen_within_the_grace_and_ended_early,
                a_credential_ends_its_own_overlap_alone,
                revoking_a_predecessor_leaves_its_successor,
                one_of_16_that_race_to_replace_a_token_does,
                a_dead_token_is_not_replaced,
                revoking_again_changes_nothing,
                anothers_token_looks_like_none,
                tokens_are_listed_by_owner_and_page,
                tokens_are_listed_by_who_made_them,
            ]
            leaver: [
                fl_42_what_a_leaver_opens_is_told_before_and_ends_with_him,
                fl_42_a_key_takes_over_from_a_leavers_token,
                fl_42_nobody_gains_by_handing_over,
                a_key_gets_on_no_api_what_the_token_has_on_another,
            ]
            switch: [
                fl_41_a_refresh_keeps_the_tenant_and_a_switch_gives_a_session_of_its_own,
                fl_41_nobody_switches_where_he_does_not_belong_nor_by_less_than_a_sign_in,
            ]
            notice: [
                fl_48_one_digest_for_each_tenant_30_7_and_1_days_before,
                fl_48_nothing_is_told_unless_the_realm_says_so,
                fl_48_of_eight_that_tell_at_once_one_does,
                a_webhook_is_tried_again_under_its_id_and_given_up,
                a_dead_webhook_is_given_up,
            ]
            exchange: [
                a_duration_is_taken_whole_or_refused,
                a_default_is_clamped_to_what_is_left,
                scopes_are_refused_narrowed_or_filled_in,
                each_dead_token_is_refused_and_written_down,
                made_up_tokens_are_counted,
                who_was_sent_away_writes_nothing_into_the_log,
                a_token_lives_again_with_its_owner,
                a_tenant_a_role_and_an_audience_are_held_or_refused,
                a_token_follows_its_owners_grants,
                a_jwt_says_whose_it_is,
            ]
            by_token: [
                a_token_begins_sessions_that_refresh,
                such_a_session_carries_no_more_than_its_token,
                such_a_session_manages_no_credentials,
                such_a_session_ends_with_its_token,
                such_a_session_is_refreshed_while_its_token_works,
                each_dead_token_begins_nothing,
                a_refresh_token_ends_its_session,
                an_access_token_is_checked_with_what_it_stands_on,
            ]
            present: [
                a_principal_holds_owner_and_ceiling,
                a_presentation_is_the_classs,
                a_made_up_token_leaves_no_row,
                an_internal_jwt_carries_what_owner_and_module_share,
                an_internal_jwt_needs_a_live_token,
                a_last_use_never_moves_backwards,
            ]
            sign_in: [
                every_failure_has_one_answer,
                guessing_at_an_account_stops,
                a_neighbour_keeps_no_known_device_out,
                guesses_in_parallel_stop_too,
                made_up_addresses_are_counted_like_known_ones,
                a_known_device_is_not_locked_out,
                a_session_too_many_ends_the_oldest,
                a_session_ends_with_what_it_stands_on,
                a_weak_hash_is_replaced_when_it_matches,
                a_scope_and_a_tenant_are_held_or_refused,
                a_person_sets_its_own_password_and_no_other,
                an_invitation_is_taken_once_and_expires,
                a_tenant_does_not_vouch_for_an_address,
                one_of_16_that_race_for_an_invitation_takes_it,
            ]
            sign_up: [
                a_stranger_gets_a_tenant_of_its_own_and_no_other,
                an_operators_invitation_is_taken_by_the_first_sign_up,
                no_other_invitation_is_taken_by_the_address_alone,
                an_invitation_that_is_over_waits_for_nobody,
                who_stands_in_for_the_address_stays,
                a_shown_invitation_undoes_no_ban,
                invitations_of_others_hide_no_operators,
                a_squatters_account_is_given_nothing_by_its_address,
                who_signed_up_sends_no_mail,
                what_who_signed_up_made_sends_no_mail,
                one_of_16_that_sign_up_with_an_address_gets_it,
                who_is_signed_in_proves_his_address_and_keeps_his_account,
                a_squatter_gets_nothing_by_what_the_owner_shows,
                who_signs_up_with_anothers_address_gains_nothing,
                a_secret_proves_the_address_it_was_made_for,
                what_is_not_taken_makes_no_account,
                what_a_user_says_of_itself_changes_by_its_session,
                what_would_be_refused_is_foreseen,
            ]
            management: [
                each_action_needs_its_permission,
                an_ordinary_user_manages_itself_alone,
                a_tenants_administrator_stays_in_its_tenant,
                who_is_in_two_tenants_is_seen_from_one_and_managed_from_neither,
                the_tokens_of_two_tenants_are_kept_apart,
                a_tenant_ends_nothing_of_who_holds_realm_wide,
                a_tenant_does_not_undo_what_the_realm_did,
                a_tenants_key_subject_stays_in_its_tenant,
                a_name_says_nothing_to_a_terminal,
                a_dead_caller_manages_nothing,
            ]
            membership: [
                what_everybody_is_given_holds_in_ones_own_tenants,
                everybody_leaves_a_tenant_by_himself,
                a_later_membership_takes_nobody_away_from_home,
                a_bound_token_reads_of_its_owner_what_is_there,
            ]
            authority: [
                nobody_grants_what_it_does_not_hold,
                what_is_named_for_a_token_its_maker_holds,
                a_role_that_is_narrowed_away_is_told_alike,
                a_grant_is_for_an_api_of_the_realm,
                the_owner_of_a_tenants_keys_is_not_disabled,
                realm_wide_grants_are_the_operators,
                a_new_service_account_gets_what_its_maker_holds,
                an_exchanged_jwt_carries_only_its_scopes,
                what_is_made_through_a_narrowed_credential_is_no_wider,
                what_reaches_into_other_tenants_no_tenant_gives,
                what_a_tenant_gave_to_who_acts_in_all_stays_there,
                an_exchanged_jwt_gives_itself_no_successor,
                a_token_is_not_minted_beyond_its_maker,
                a_key_carries_what_was_named_for_it,
                a_role_must_be_defined,
                who_leaves_and_returns_holds_nothing,
                ending_a_membership_costs_the_same_for_many_tokens,
            ]
            refresh: [
                a_rotating_token_works_once_and_gives_the_next,
                a_replay_ends_the_session_and_is_written_down,
                the_parent_gets_the_same_child_within_the_interval,
                the_parent_is_a_replay_after_the_interval,
                a_token_that_does_not_rotate_stays,
                one_of_64_uses_at_once_wins,
                a_session_is_refreshed_so_often_and_no_more,
                a_made_up_token_costs_no_look_up_and_leaves_no_row,
                dead_tokens_are_counted_and_a_replay_is_written_down,
                a_refresh_widens_nothing,
                a_rotation_of_the_digest_key_loses_no_session,
            ]
            session: [
                both_ends_of_a_session_are_kept,
                what_stands_behind_a_session_must_stand,
                a_person_sees_and_ends_its_own_sessions,
                a_session_knows_how_it_began,
            ]
            challenge: [
                a_code_is_taken_once_and_in_time,
                a_code_dies_after_its_wrong_guesses,
                wrong_guesses_in_parallel_never_exceed_the_cap,
                one_of_64_that_race_with_the_right_code_takes_it,
                a_secret_is_of_one_kind_and_realm,
                invitations_are_listed_within_reach,
                a_withdrawn_invitation_takes_nothing,
                invitations_end_with_who_made_them_and_whom_they_are_for,
                what_is_over_is_pruned_when_its_time_has_come,
            ]
            invitation: [
                who_invites_gets_no_secret_and_the_address_does,
                without_mail_only_who_vouches_invites_a_stranger,
                a_persons_account_joins_by_its_own_session,
                a_word_takes_nothing_that_waits_for_the_mail,
                an_address_is_shown_by_mail_or_an_operators_word,
                an_account_that_waited_for_its_owner_is_erased,
                an_invitation_is_as_good_as_its_maker,
                who_loses_a_grant_while_it_invites_is_judged_without_it,
                an_invitation_gives_no_more_than_what_it_was_made_through,
                an_invitation_ends_with_the_token_it_was_made_through,
                who_vouches_only_later_did_not_vouch,
                one_maker_has_so_many_invitations_waiting,
                nobody_is_left_without_a_way_in,
                what_changes_nothing_is_refused,
                the_mails_of_an_address_are_not_used_up_by_who_may_not_invite,
                who_invites_everybody_is_stopped_and_its_neighbour_is_not,
                who_squats_an_address_ends_nothing_that_waits_for_it,
                what_was_taken_away_is_not_brought_back_by_an_invitation,
            ]
            address: [
                nobody_is_kept_from_its_address,
                making_an_account_tells_of_none_elsewhere,
                a_log_tells_of_nobody_elsewhere,
                who_joins_takes_the_place_of_who_stood_in,
                one_signs_in_where_its_address_counts,
                a_session_of_who_stands_in_locks_out_nobody,
                an_address_that_several_have_is_told_with_their_ids,
                who_stands_in_stays_at_home,
                a_ban_of_who_stands_in_outlives_the_tenants_word,
                nobody_stands_in_for_who_may_not_act,
                a_users_address_means_no_service_account,
                who_leaves_its_only_tenant_is_erased,
                who_has_nothing_but_its_tenant_is_erased_with_it,
                displacing_is_answered_as_an_ending,
            ]
            client: [
                a_secret_is_rotated_with_an_overlap,
                at_most_two_secrets_live_whoever_rotates,
                a_revoked_client_is_dead_at_once,
                each_refused_client_is_written_down,
                wrong_secrets_are_counted_by_client,
                a_tenants_administrator_manages_its_tenants_clients,
            ]
            factor: [
                factors_are_their_owners,
            ]
            change: [
                each_change_of_authority_is_told_and_counted,
                refusals_tell_nothing,
                an_access_token_carries_the_epoch,
                what_stopped_is_told_as_far_back_as_asked,
            ]
            audit: [
                what_is_refused_again_and_again_is_counted,
                who_probes_fills_few_rows,
                every_success_and_failure_is_written_down,
                each_use_of_a_credential_is_attributed,
                a_row_says_what_was_given,
                no_row_holds_a_secret,
                rows_are_read_within_reach,
                a_page_goes_on_by_a_sealed_number,
                a_refusal_is_written_into_no_log_of_others,
            ]
            key: [
                two_processes_end_with_the_same_keys,
                a_missing_key_is_made_and_no_other,
                another_algorithm_makes_another_key,
                a_staged_rotation_publishes_before_it_signs,
                an_immediate_rotation_signs_at_once,
                a_staged_key_of_an_older_algorithm_never_signs,
                a_retired_key_is_forgotten_when_its_time_is_over,
                a_rotated_digest_key_finds_and_moves_old_tokens,
                another_process_follows_a_rotation,
                a_wrong_master_key_opens_nothing,
            ]
            erase: [
                a_deleted_user_is_dead_at_once,
                an_address_is_free_again_and_brings_nothing,
                a_person_deletes_itself_by_its_password,
                a_tenants_administrator_deletes_nobody,
                a_deleted_tenant_is_dead_at_once,
                an_erasure_costs_nothing_for_who_was_erased_before,
            ]
            known: [
                somebody_without_an_address_says_who_it_is,
                an_identity_is_linked_on_a_proven_address_of_both_sides,
                an_account_is_one_however_it_is_typed,
                the_last_way_in_is_not_unlinked,
                a_ban_holds_until_its_end,
                an_external_subject_is_made_on_first_sight_where_the_realm_says_so,
                a_disabled_external_subject_loses_everything_at_once,
            ]
            hashing: [
                nothing_is_hashed_for_who_may_not,
                a_wrong_password_costs_one_check,
                who_sets_many_passwords_waits,
                a_tokens_guesses_lock_out_nobody,
            ]
            mail: [
                a_mail_is_sealed_until_it_is_sent_and_then_gone,
                what_is_rolled_back_is_not_sent,
                a_failure_is_tried_again_with_growing_pauses_and_given_up,
                a_final_refusal_an_expiry_and_a_foreign_seal_end_a_mail,
                an_address_gets_so_many_mails_and_no_more,
                who_signed_up_leaves_room_for_the_mail_of_others,
                a_mail_is_one_processs_and_comes_back_if_that_one_dies,
            ]
            other_realm: [
                an_address_is_free_in_another_realm,
                a_token_is_none_in_another_realm,
                a_caller_is_nobody_in_another_realm,
            ]
        }
    };
}

macro_rules! cases {
    ($open:path: $($group:ident: [$($case:ident,)*])*) => {
        mod use_case {
            $(mod $group {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $case() {
                    let (store, _keep) = $open().await;
                    crate::use_case::$group::$case(store).await;
                })*
            })*
        }
    };
}

pub(crate) use {cases, use_cases};
