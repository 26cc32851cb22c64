//! The texts of mails where an operator has none of their own: English and German. The
//! first line is the subject.

use doorward_identity::model::MailKind;

/// The languages there are; the first is for whoever speaks none of them.
pub(super) const LANGUAGES: [&str; 2] = ["en", "de"];

pub(super) const fn text(language: &str, kind: MailKind) -> &'static str {
    // A slice pattern, because texts cannot be compared where constants are made.
    match language.as_bytes() {
        b"de" => german(kind),
        _ => english(kind),
    }
}

const fn english(kind: MailKind) -> &'static str {
    match kind {
        MailKind::Invitation => {
            "Subject: You are invited to {{tenant_name}}\n\nYou are invited to join: {{tenant_name}}\nTo accept, open this link: {{link}}\nYour code: {{code}}\n\nIf you have no account here yet, enter the code where invitations are accepted, and choose a password.\nIf you have one, sign in and accept the invitation there.\nThe invitation is valid for {{days}} days and can be taken once.\n\nIf you did not expect this, ignore it."
        }
        MailKind::Confirmation => {
            "Subject: Confirm your address\n\nPlease confirm that this address is yours.\nOpen this link: {{link}}\nYour code: {{code}}\nIt is valid for {{minutes}} minutes.\n\nIf you did not ask for this, ignore it."
        }
        MailKind::Recovery => {
            "Subject: Reset your password\n\nSomebody, hopefully you, asked for a new password.\nOpen this link to choose one: {{link}}\nYour code: {{code}}\nIt is valid for {{minutes}} minutes.\n\nIf it was not you, ignore this; your password stays."
        }
        MailKind::MagicLink => {
            "Subject: Your sign-in link\n\nOpen this link to sign in: {{link}}\nYour code: {{code}}\nIt is valid for {{minutes}} minutes and works once. Pass it to nobody.\n\nIf you did not ask for this, ignore it."
        }
        MailKind::OneTimeCode => {
            "Subject: Your code\n\nYour code: {{code}}\nOr open this link: {{link}}\nIt is valid for {{minutes}} minutes and works once. Nobody of us will ask you for it.\n\nIf you did not ask for this, ignore it."
        }
        MailKind::AddressChange => {
            "Subject: Confirm your new address\n\nThe account with the address {{old_address}} is to get this one.\nTo confirm, open this link: {{link}}\nYour code: {{code}}\nIt is valid for {{minutes}} minutes.\n\nIf you did not ask for this, ignore it."
        }
        MailKind::TokensExpiring => {
            "Subject: API keys of {{tenant_name}} expire\n\nAPI keys or tokens of {{tenant_name}} stop working soon: {{count}}.\nReplace those that are in use before that, and let the others expire.\n\nName | id | stops | last used, from\n- {{token_1}}\n- {{token_2}}\n- {{token_3}}\n- {{token_4}}\n- {{token_5}}\n- {{token_6}}\n- {{token_7}}\n- {{token_8}}\n- {{token_9}}\n- {{token_10}}\nAnd more: {{more}}\n\nYou get this because you may replace them."
        }
        MailKind::Test => {
            "Subject: A test of mail\n\nThis is a test. Mail of the realm {{realm}} arrives at {{recipient}}."
        }
    }
}

const fn german(kind: MailKind) -> &'static str {
    match kind {
        MailKind::Invitation => {
            "Subject: Einladung zu {{tenant_name}}\n\nDu bist zu {{tenant_name}} eingeladen.\nÖffne diesen Link, um anzunehmen: {{link}}\nDein Code: {{code}}\n\nWenn du hier noch kein Konto hast, gib den Code dort ein, wo Einladungen angenommen werden, und wähle ein Passwort.\nWenn du eines hast, melde dich an und nimm die Einladung dort an.\nDie Einladung gilt {{days}} Tage und nur einmal.\n\nWenn du das nicht erwartet hast, ignoriere es."
        }
        MailKind::Confirmation => {
            "Subject: Bestätige deine Adresse\n\nBitte bestätige, dass diese Adresse deine ist.\nÖffne diesen Link: {{link}}\nDein Code: {{code}}\nEr gilt {{minutes}} Minuten.\n\nWenn du das nicht angefordert hast, ignoriere es."
        }
        MailKind::Recovery => {
            "Subject: Neues Passwort\n\nJemand, hoffentlich du, möchte ein neues Passwort.\nÖffne diesen Link, um eines zu wählen: {{link}}\nDein Code: {{code}}\nEr gilt {{minutes}} Minuten.\n\nWenn du es nicht warst, ignoriere das; dein Passwort bleibt."
        }
        MailKind::MagicLink => {
            "Subject: Dein Link zum Anmelden\n\nÖffne diesen Link, um dich anzumelden: {{link}}\nDein Code: {{code}}\nEr gilt {{minutes}} Minuten und nur einmal. Gib ihn niemandem.\n\nWenn du das nicht angefordert hast, ignoriere es."
        }
        MailKind::OneTimeCode => {
            "Subject: Dein Code\n\nDein Code: {{code}}\nOder öffne diesen Link: {{link}}\nEr gilt {{minutes}} Minuten und nur einmal. Niemand von uns wird dich danach fragen.\n\nWenn du das nicht angefordert hast, ignoriere es."
        }
        MailKind::AddressChange => {
            "Subject: Bestätige deine neue Adresse\n\nDas Konto mit der Adresse {{old_address}} soll diese bekommen.\nÖffne diesen Link, um es zu bestätigen: {{link}}\nDein Code: {{code}}\nEr gilt {{minutes}} Minuten.\n\nWenn du das nicht angefordert hast, ignoriere es."
        }
        MailKind::TokensExpiring => {
            "Subject: API-Schlüssel von {{tenant_name}} laufen ab\n\nAPI-Schlüssel oder -Tokens von {{tenant_name}} gelten bald nicht mehr: {{count}}.\nErsetze vorher, was benutzt wird, und lass das Übrige ablaufen.\n\nName | Id | gilt bis | zuletzt benutzt, von\n- {{token_1}}\n- {{token_2}}\n- {{token_3}}\n- {{token_4}}\n- {{token_5}}\n- {{token_6}}\n- {{token_7}}\n- {{token_8}}\n- {{token_9}}\n- {{token_10}}\nUnd weitere: {{more}}\n\nDu bekommst das, weil du sie ersetzen darfst."
        }
        MailKind::Test => {
            "Subject: Testmail\n\nDies ist ein Test. Mail des Realms {{realm}} kommt bei {{recipient}} an."
        }
    }
}
