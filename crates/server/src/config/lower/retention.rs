//! Lowering `[realm.NAME.retention]`.

use super::Lowering;
use crate::config::problem::KeyPath;
use crate::config::realm::Realm;
use doorward_identity::settings::RetentionSettings;

impl Lowering<'_> {
    /// How long what is over is kept.
    pub(super) fn retention(&mut self, realm: &Realm, path: &KeyPath) -> RetentionSettings {
        let (written, place) = (&realm.retention, path.key("retention"));
        let standard = RetentionSettings::default();
        let audit = self.whole_seconds(&place.key("audit"), written.audit, standard.audit);
        let tombstones = self.whole_seconds(
            &place.key("tombstones"),
            written.tombstones,
            standard.tombstones.max(audit),
        );
        if tombstones < audit {
            self.wrong(
                &place.key("tombstones"),
                "is shorter than audit, so that the audit log would speak of tokens that nothing \
                 names any more",
            );
        }
        RetentionSettings {
            audit,
            tombstones,
            sessions: self.whole_seconds(
                &place.key("sessions"),
                written.sessions,
                standard.sessions,
            ),
            challenges: self.whole_seconds(
                &place.key("challenges"),
                written.challenges,
                standard.challenges,
            ),
            mail: self.whole_seconds(&place.key("mail"), written.mail, standard.mail),
        }
    }
}
