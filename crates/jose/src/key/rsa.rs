//! What an RSA public key must be before it is used: its size, its exponent, and not
//! of the ROCA family. Not here: signatures.

use super::JwkError;

/// The smallest modulus, in bits (RFC 7518 §3.3).
const MIN_BITS: usize = 2048;
/// The largest modulus, in bits: what `aws-lc-rs` verifies. It bounds the work of one
/// verification.
const MAX_BITS: usize = 8192;

/// Primes modulo which every prime made by the broken generator is a power of 65537
/// (CVE-2017-15361). A sound modulus passes all of them with probability 2^-27.
const ROCA_PRIMES: [u32; 17] = [
    11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157,
];

/// Checks big-endian modulus and exponent.
pub(super) fn check(n: &[u8], e: &[u8]) -> Result<(), JwkError> {
    // Base64urlUInt has no leading zero octet (RFC 7518 §2).
    if n.first().is_none_or(|&byte| byte == 0) || e.first().is_none_or(|&byte| byte == 0) {
        return Err(JwkError::Malformed);
    }
    let bits = bit_length(n);
    if bits < MIN_BITS {
        return Err(JwkError::TooSmall);
    }
    if bits > MAX_BITS {
        return Err(JwkError::TooLarge);
    }
    let odd = |number: &[u8]| number.last().is_some_and(|&byte| byte & 1 == 1);
    if !odd(n) {
        return Err(JwkError::Malformed);
    }
    // 1 makes the signature the message; an even one is no RSA; a huge one is a way
    // to burn our time.
    if e.len() > 4 || !odd(e) || e == [1] {
        return Err(JwkError::Exponent);
    }
    if is_roca(n) {
        return Err(JwkError::Roca);
    }
    Ok(())
}

fn bit_length(number: &[u8]) -> usize {
    let lead = number
        .first()
        .map_or(8, |byte| byte.leading_zeros() as usize);
    number.len().saturating_mul(8).saturating_sub(lead)
}

fn is_roca(n: &[u8]) -> bool {
    ROCA_PRIMES.iter().all(|&prime| {
        let residue = n
            .iter()
            .fold(0, |rest, &byte| (rest * 256 + u32::from(byte)) % prime);
        let mut power = 1;
        (0..prime).any(|_| {
            power = power * (65_537 % prime) % prime;
            power == residue
        })
    })
}

/// Modulus and exponent out of an `RSAPublicKey` in DER (RFC 8017 §A.1.1), as
/// `aws-lc-rs` gives it.
pub(super) fn components(der: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (sequence, rest) = element(der, 0x30)?;
    let (n, after) = element(sequence, 0x02)?;
    let (e, end) = element(after, 0x02)?;
    (rest.is_empty() && end.is_empty()).then(|| (unsigned(n), unsigned(e)))
}

fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (octets, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        if octets.len() > 4 {
            return None;
        }
        let length = octets
            .iter()
            .fold(0, |length, &octet| length * 256 + usize::from(octet));
        (length, rest)
    };
    (found == tag).then_some(())?;
    rest.split_at_checked(length)
}

fn unsigned(integer: &[u8]) -> Vec<u8> {
    integer
        .iter()
        .copied()
        .skip_while(|&byte| byte == 0)
        .collect()
}
