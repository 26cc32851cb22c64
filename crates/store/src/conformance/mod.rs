//! What every engine must do, held against `doorward_identity::port`. An engine
//! runs all of it by one line, [`conformance!`]. Not here: what is particular to an
//! engine (files, other processes, failing disks).

pub(crate) mod audit;
pub(crate) mod challenge;
pub(crate) mod client;
pub(crate) mod erase;
pub(crate) mod factor;
pub(crate) mod fixture;
pub(crate) mod grant;
pub(crate) mod isolation;
pub(crate) mod key;
pub(crate) mod limit;
pub(crate) mod look_up;
pub(crate) mod prune;
pub(crate) mod race;
pub(crate) mod session;
pub(crate) mod subject;
pub(crate) mod tenant;
pub(crate) mod token;
pub(crate) mod transaction;
pub(crate) mod webhook;

/// Runs a use-case: `writing!(store, realm, [captured, …], |tx| …)`. The values named
/// are cloned into each run of the closure.
macro_rules! writing {
    ($store:expr, $realm:expr, [$($value:ident),*], |$tx:ident| $body:expr) => {{
        $(let $value = ToOwned::to_owned(&$value);)*
        $store
            .write($realm, move |$tx| {
                $(let $value = ToOwned::to_owned(&$value);)*
                Box::pin(async move { $body })
            })
            .await
    }};
}

/// Reads, in the same form as [`writing!`].
macro_rules! reading {
    ($store:expr, $realm:expr, [$($value:ident),*], |$tx:ident| $body:expr) => {{
        $(let $value = ToOwned::to_owned(&$value);)*
        $store
            .read($realm, move |$tx| {
                $(let $value = ToOwned::to_owned(&$value);)*
                Box::pin(async move { $body })
            })
            .await
    }};
}

pub(crate) use {reading, writing};

/// Makes one test of each case. `$open` is an async function without arguments that
/// returns a fresh, empty store and whatever must live as long as it.
macro_rules! conformance {
    ($open:path) => {
        crate::conformance::cases! { $open:
            subject: [
                subjects_are_found_by_every_identifier,
                an_identifier_is_taken_once,
                an_address_is_taken_once_where_it_counts,
                a_subject_is_disabled_and_enabled,
                how_a_user_is_known_changes,
                identities_are_linked_once_and_unlinked,
                passwords_are_replaced,
                subjects_are_paged,
            ]
            tenant: [
                tenants_are_found_and_paged,
                memberships_are_made_listed_and_ended,
            ]
            challenge: [
                challenges_come_back_as_they_were_by_every_key,
                a_challenge_replaces_the_one_in_its_slot,
                a_challenge_is_taken_once,
                attempts_are_counted,
                challenges_are_listed_within_tenants,
                challenges_end_together,
                expired_challenges_are_pruned_in_slices,
            ]
            factor: [
                factors_come_back_as_they_were,
                a_factor_is_verified_once_and_its_counter_only_grows,
                factors_are_removed_alone_or_with_their_subject,
            ]
            client: [
                clients_come_back_as_they_were_within_tenants,
                secrets_overlap_and_say_when_they_were_used,
                a_revoked_client_stays_without_secrets_until_it_is_pruned,
            ]
            erase: [
                nothing_finds_a_deleted_subject,
                nothing_finds_a_deleted_tenant,
                what_the_deleted_left_goes_in_pieces,
                what_waits_for_the_deleted_goes,
            ]
            grant: [
                grants_are_added_once_and_sorted,
                grants_are_removed_exactly,
                tenant_roles_are_redefined,
                an_epoch_is_later_than_all_before_it,
                old_epochs_are_left_out_and_pruned,
            ]
            token: [
                tokens_come_back_as_they_were,
                digests_find_tokens_until_they_are_replaced,
                a_revoked_token_never_comes_back,
                only_active_tokens_count,
                tokens_are_counted_by_tenant,
                an_owners_tokens_are_revoked_together,
                ending_many_tokens_is_one_row,
                tokens_are_listed_within_a_tenant,
                uses_never_move_backwards,
                notices_are_due_tenant_by_tenant_and_moved_on_once,
                tokens_are_paged_by_owner,
            ]
            session: [
                sessions_come_back_as_they_were,
                a_session_is_found_by_its_refresh_digest,
                a_session_moves_on_from_its_number_alone,
                all_sessions_but_one_end_together,
                a_session_ends_once,
                a_subjects_sessions_end_together,
                what_ended_since_is_listed,
                the_oldest_sessions_end_beyond_a_number,
                the_sessions_of_an_api_token_end_together,
                devices_are_told_once,
            ]
            key: [
                keys_live_their_life,
                one_key_of_a_purpose_is_active,
            ]
            audit: [
                events_come_back_as_they_were,
                every_action_can_be_read_back,
                events_are_filtered,
                events_are_paged,
                a_search_looks_at_a_bounded_number_of_events,
            ]
            limit: [
                what_tenants_were_given_comes_back_as_it_was,
                uses_of_a_quota_add_up_and_are_pruned_when_it_is_over,
            ]
            webhook: [
                messages_are_claimed_put_off_and_given_up,
                messages_of_no_use_are_pruned_and_those_of_a_deleted_tenant_go,
                a_message_is_claimed_by_one,
            ]
            look_up: [
                a_look_up_that_does_more_runs_in_a_transaction,
                look_ups_of_many_are_kept_apart,
                clients_of_many_are_kept_apart,
                an_audit_row_that_cannot_be_written_takes_no_other_with_it,
                a_look_up_sees_what_was_committed_before,
                a_session_is_moved_on_by_one,
                an_ended_session_is_not_moved_on,
                a_session_that_moves_on_twice_does_so_in_a_transaction,
            ]
            prune: [
                old_events_go_slice_by_slice,
                dead_tokens_go_and_live_ones_stay,
                sessions_that_are_over_go,
            ]
            isolation: [
                names_of_one_realm_are_free_in_another,
                nothing_of_a_realm_is_found_from_another,
                nothing_of_a_realm_is_changed_from_another,
                nothing_of_a_realm_is_referred_to_from_another,
                an_unknown_realm_is_refused,
            ]
            transaction: [
                a_refusal_is_committed,
                an_error_takes_everything_back,
                a_conflict_that_is_handled_commits_the_rest,
                a_closure_that_awaits_something_else_is_refused,
                a_panic_is_an_error_and_the_store_lives,
                a_closure_may_run_again,
                a_transaction_reads_its_own_writes,
                changes_are_listed_in_the_order_of_commits,
                commits_are_noticed,
                realms_keep_their_numbers,
                store_values_are_set_once,
                a_lease_is_held_and_rests,
                a_closed_store_refuses,
            ]
            race: [
                one_token_under_a_limit_of_one,
                a_session_is_ended_by_one,
                a_challenge_is_taken_by_one,
                attempts_in_parallel_never_exceed_the_cap,
                a_factors_counter_is_used_by_one,
                an_address_is_taken_by_one,
                epochs_count_every_bump,
                a_realm_gets_one_number,
                a_store_value_is_set_by_one,
                a_lease_is_taken_by_one,
                failures_leave_their_neighbours_alone,
                changes_follow_commits_without_gaps,
            ]
        }
    };
}

macro_rules! cases {
    ($open:path: $($group:ident: [$($case:ident,)*])*) => {
        $(mod $group {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $case() {
                let (store, _keep) = $open().await;
                crate::conformance::$group::$case(store).await;
            })*
        })*
    };
}

pub(crate) use {cases, conformance};
