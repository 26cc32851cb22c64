//! Tests of sealing.

use super::*;
use doorward_base::testing::SeededEntropy;

fn master(seed: u64) -> MasterKey {
    MasterKey::generate(&SeededEntropy::new(seed))
}

#[test]
fn what_is_sealed_opens_for_its_purpose_and_key_alone() {
    let key = master(1);
    let sealed = key
        .seal("realm-a/key", b"secret", &SeededEntropy::new(9))
        .unwrap();
    assert!(!sealed.windows(6).any(|window| window == b"secret"));
    assert_eq!(*key.open("realm-a/key", &sealed).unwrap(), b"secret");
    assert_eq!(key.open("realm-b/key", &sealed), Err(SealError::Tampered));
    assert_eq!(
        master(2).open("realm-a/key", &sealed),
        Err(SealError::WrongKey)
    );
}

#[test]
fn every_changed_byte_and_every_cut_is_noticed() {
    let key = master(1);
    let sealed = key.seal("p", b"secret", &SeededEntropy::new(9)).unwrap();
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert!(key.open("p", &changed).is_err(), "byte {at}");
        assert!(key.open("p", &sealed[..at]).is_err(), "cut at {at}");
    }
    assert!(key.open("p", &[sealed.as_slice(), &[0]].concat()).is_err());
}

#[test]
fn an_empty_secret_is_sealed_too_and_no_two_sealings_are_alike() {
    let (key, entropy) = (master(1), SeededEntropy::new(9));
    let one = key.seal("p", b"", &entropy).unwrap();
    let two = key.seal("p", b"", &entropy).unwrap();
    assert_ne!(one, two);
    assert!(key.open("p", &one).unwrap().is_empty());
}

#[test]
fn a_sealed_text_is_read_back_and_no_other_text_is() {
    let key = master(1);
    let text = key.seal_text("p", b"7", &SeededEntropy::new(9)).unwrap();
    assert_eq!(*key.open_text("p", &text).unwrap(), b"7");
    for other in ["", "7", "not base64url!"] {
        assert_eq!(key.open_text("p", other), Err(SealError::Malformed));
    }
}

#[test]
fn seeds_belong_to_one_purpose_and_one_master_key() {
    let seed = |key: u64, purpose| *master(key).seed(purpose).unwrap();
    assert_eq!(seed(1, "a"), seed(1, "a"));
    assert_ne!(seed(1, "a"), seed(1, "b"));
    assert_ne!(seed(1, "a"), seed(2, "a"));
    assert_ne!(seed(1, "a"), *master(1).0);
}

#[test]
fn the_text_form_is_read_back() {
    let key = master(1);
    let text = key.to_text();
    let again = MasterKey::from_text(&format!(" {}\n", text.expose())).unwrap();
    assert_eq!(again.check_value(), key.check_value());
    let hex: String = key.0.iter().map(|byte| format!("{byte:02X}")).collect();
    let again = MasterKey::from_text(&hex).unwrap();
    assert_eq!(again.check_value(), key.check_value());
    assert_ne!(master(2).check_value(), key.check_value());
    assert!(!text.expose().contains(&key.check_value().unwrap()));
    assert_eq!(format!("{key:?}"), "MasterKey");
}

#[test]
fn what_is_no_master_key_is_refused() {
    let bad = [
        String::new(),
        "00".repeat(32),
        "A".repeat(43),
        "zz".repeat(32),
        "+f".repeat(32),
        "0123456789abcdef".repeat(3),
        "correct horse battery staple".to_owned(),
    ];
    for text in bad {
        assert!(MasterKey::from_text(&text).is_err(), "{text}");
    }
}
