//! Numbers in the server's binary form. Not here: whole ones, which are plain bytes.

/// The decimal digits of a `numeric`, exactly as the server prints them.
pub(super) fn digits(raw: &[u8]) -> Option<String> {
    let mut words = raw.chunks_exact(2).map(|pair| match pair {
        [high, low] => u16::from_be_bytes([*high, *low]),
        _ => 0,
    });
    let count = usize::from(words.next()?);
    let weight = i64::from(words.next()?.cast_signed());
    let sign = words.next()?;
    let scale = usize::from(words.next()?);
    match sign {
        0xC000 => return Some("NaN".to_owned()),
        0xD000 => return Some("Infinity".to_owned()),
        0xF000 => return Some("-Infinity".to_owned()),
        _ => {}
    }
    let groups: Vec<u16> = words.collect();
    if groups.len() != count {
        return None;
    }
    let group = |place: i64| -> u16 {
        let at = usize::try_from(weight - place).ok();
        at.and_then(|at| groups.get(at)).copied().unwrap_or(0)
    };
    let mut text = String::new();
    if sign == 0x4000 {
        text.push('-');
    }
    if weight < 0 {
        text.push('0');
    } else {
        text.push_str(&group(weight).to_string());
        for place in (0..weight).rev() {
            text.push_str(&format!("{:04}", group(place)));
        }
    }
    if scale > 0 {
        let mut fraction = String::new();
        let mut place = -1;
        while fraction.len() < scale {
            fraction.push_str(&format!("{:04}", group(place)));
            place -= 1;
        }
        fraction.truncate(scale);
        text.push('.');
        text.push_str(&fraction);
    }
    Some(text)
}

/// The number that the shortest digits of a `real` mean, not its neighbour in binary.
pub(super) fn widened(value: f32) -> f64 {
    value.to_string().parse().unwrap_or_else(|_| value.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(count: u16, weight: i16, sign: u16, scale: u16, groups: &[u16]) -> Vec<u8> {
        let head = [count, weight.cast_unsigned(), sign, scale];
        let words = head.iter().chain(groups);
        words.flat_map(|word| word.to_be_bytes()).collect()
    }

    #[test]
    fn a_decimal_number_is_written_to_its_scale() {
        for (raw, text) in [
            (raw(0, 0, 0, 0, &[]), "0"),
            (raw(0, 0, 0, 2, &[]), "0.00"),
            (raw(1, 0, 0, 0, &[7]), "7"),
            (raw(2, 0, 0x4000, 3, &[12, 3400]), "-12.340"),
            (raw(1, -1, 0, 4, &[12]), "0.0012"),
            (raw(1, -2, 0, 6, &[1200]), "0.000012"),
            (raw(1, 2, 0, 0, &[1]), "100000000"),
            (raw(3, 1, 0, 1, &[1, 2, 5000]), "10002.5"),
            (raw(0, 0, 0xC000, 0, &[]), "NaN"),
        ] {
            assert_eq!(digits(&raw).as_deref(), Some(text));
        }
        assert_eq!(digits(&[0, 1]), None);
        assert_eq!(digits(&raw(2, 0, 0, 0, &[1])), None);
    }

    #[test]
    fn a_real_keeps_its_shortest_digits() {
        assert_eq!(widened(0.1).to_string(), "0.1");
        assert!(widened(f32::NAN).is_nan());
    }
}
