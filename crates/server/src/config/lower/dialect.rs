//! What the dialects of a realm are told, each from a section of its own.

use super::Lowering;
use crate::config::problem::KeyPath;
use crate::config::realm::{Dialect, Realm};
use doorward_identity::settings::RefreshMode;
use doorward_oauth::ExchangeMount;
use doorward_supabase::SupabaseMount;
use doorward_surface::setting::Word;

impl Lowering<'_> {
    pub(super) fn exchange(&mut self, realm: &Realm, path: &KeyPath) -> Option<ExchangeMount> {
        let place = path.key("exchange");
        if !realm.dialects.contains(&Word(Dialect::Oauth)) {
            if realm.exchange.is_some() {
                self.wrong(
                    &place,
                    "exchange belongs to the dialect \"oauth\"; add it to dialects",
                );
            }
            return None;
        }
        let section = realm.exchange.clone().unwrap_or_default();
        self.owned(section.lower(), &place)
    }

    pub(super) fn supabase(&mut self, realm: &Realm, path: &KeyPath) -> Option<SupabaseMount> {
        let place = path.key("supabase");
        if !realm.dialects.contains(&Word(Dialect::Supabase)) {
            if realm.supabase.is_some() {
                self.wrong(
                    &place,
                    "supabase belongs to the dialect \"supabase\"; add it to dialects",
                );
            }
            return None;
        }
        let section = realm.supabase.clone().unwrap_or_default();
        self.owned(section.lower(realm.sessions.refresh.0), &place)
    }

    /// The clients of Nhost take a session without a refresh token for none.
    pub(super) fn check_nhost(&mut self, realm: &Realm, path: &KeyPath) {
        let is_spoken = realm.dialects.contains(&Word(Dialect::Nhost));
        if is_spoken && realm.sessions.refresh.0 == RefreshMode::Off {
            self.wrong(
                &path.key("sessions").key("refresh"),
                "the dialect \"nhost\" needs refresh tokens: write \"rotate\" or \"reuse\"",
            );
        }
    }
}
