//! Whether an `Authorization` is somebody else's: at a route that leaves such ones alone
//! it is no credential of ours and goes to the upstream as it came. Whatever could be
//! one of ours stays with us, in whichever scheme it is written.

use crate::policy::compiled::Realm;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use doorward_base::token_format::Shape;
use doorward_jose::UnverifiedJwt;
use http::HeaderValue;

/// Whether nothing in the value is, or is shaped like, an API token of the realm's
/// classes, an access token of an issuer it accepts, or its Basic user.
pub(crate) fn is_foreign(realm: &Realm, value: &HeaderValue) -> bool {
    let text = String::from_utf8_lossy(value.as_bytes());
    if has_ours(realm, &text) {
        return false;
    }
    let Some((_, encoded)) = text.split_once(' ') else {
        return true;
    };
    // As Basic does, in any spelling of base64.
    ALPHABETS
        .iter()
        .filter_map(|alphabet| alphabet.decode(encoded.trim()).ok())
        .all(|decoded| is_foreign_pair(realm, &String::from_utf8_lossy(&decoded)))
}

const PADDED_OR_NOT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const ALPHABETS: [GeneralPurpose; 2] = [
    GeneralPurpose::new(&alphabet::STANDARD, PADDED_OR_NOT),
    GeneralPurpose::new(&alphabet::URL_SAFE, PADDED_OR_NOT),
];

/// Whether a user name and a password are not of ours.
fn is_foreign_pair(realm: &Realm, pair: &str) -> bool {
    let user = pair.split_once(':').map(|(user, _)| user);
    let our_user = realm.basic.as_ref().map(|basic| basic.username.as_str());
    (user.is_none() || user != our_user) && !has_ours(realm, pair)
}

fn has_ours(realm: &Realm, text: &str) -> bool {
    // What neither a token of a class nor a JWT contains.
    let ends = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    text.split(ends)
        .filter(|word| !word.is_empty())
        .any(|word| is_ours(realm, word))
}

fn is_ours(realm: &Realm, word: &str) -> bool {
    let shaped = realm
        .classes
        .iter()
        .any(|class| !matches!(class.format.shape(word), Shape::Other));
    shaped
        || UnverifiedJwt::parse(word).is_ok_and(|jwt| {
            let issuer = jwt.issuer();
            let mut issuers = realm.issuers.iter();
            issuers.any(|known| issuer == Some(&*known.issuer))
        })
}
