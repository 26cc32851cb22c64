//! Reads the name that a PostgreSQL client gives itself, from the first bytes of its
//! connection as they pass by. Not here: what is done with it (`proxy`).

/// Asks for TLS or for GSSAPI encryption; PostgreSQL, "Message Formats".
const REQUESTS: [u32; 2] = [80_877_103, 80_877_104];
/// Version 3.0 of the protocol.
const VERSION: u32 = 196_608;
/// As PostgreSQL's own limit for this packet.
const LONGEST: usize = 10_000;

/// What the first bytes of a connection say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Startup {
    /// More must be read.
    Unknown,
    /// A PostgreSQL client with this `application_name`.
    Application(String),
    /// Something else, a nameless client, or an encrypted one.
    Nameless,
}

/// Reads what a client has sent so far.
pub(crate) fn read(mut sent: &[u8]) -> Startup {
    loop {
        let (Some(length), Some(code)) = (number(sent, 0), number(sent, 4)) else {
            return Startup::Unknown;
        };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if REQUESTS.contains(&code) && length == 8 {
            // It is answered by one byte before the client goes on.
            sent = sent.get(8..).unwrap_or_default();
            continue;
        }
        if code != VERSION || length > LONGEST {
            return Startup::Nameless;
        }
        return match sent.get(8..length) {
            Some(parameters) => application(parameters),
            None => Startup::Unknown,
        };
    }
}

/// Names and values, each ended by a zero byte.
fn application(parameters: &[u8]) -> Startup {
    let texts: Vec<&[u8]> = parameters.split(|&byte| byte == 0).collect();
    let mut pairs = texts.chunks_exact(2);
    let named = pairs.find_map(|pair| match pair {
        [b"application_name", value] => Some(String::from_utf8_lossy(value).into_owned()),
        _ => None,
    });
    named.map_or(Startup::Nameless, Startup::Application)
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at + 4)?.first_chunk()?;
    Some(u32::from_be_bytes(*four))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(parameters: &[u8]) -> Vec<u8> {
        let length = u32::try_from(8 + parameters.len()).unwrap();
        let mut packet = length.to_be_bytes().to_vec();
        packet.extend(VERSION.to_be_bytes());
        packet.extend(parameters);
        packet
    }

    #[test]
    fn the_name_is_read_only_once_the_whole_packet_is_there() {
        let packet = packet(b"user\0ada\0application_name\0doorward-feed\0\0");
        let named = Startup::Application("doorward-feed".to_owned());
        for end in 0..packet.len() {
            assert_eq!(read(&packet[..end]), Startup::Unknown, "{end}");
        }
        assert_eq!(read(&packet), named);
        // A refused request for TLS comes before it.
        let asked = [
            &8_u32.to_be_bytes()[..],
            &REQUESTS[0].to_be_bytes(),
            &packet,
        ]
        .concat();
        assert_eq!(read(&asked), named);
    }

    #[test]
    fn a_value_that_reads_like_the_name_is_none() {
        let packet = packet(b"database\0application_name\0user\0doorward-feed\0\0");
        assert_eq!(read(&packet), Startup::Nameless);
    }

    #[test]
    fn other_protocols_are_nameless() {
        assert_eq!(read(b"*1\r\n$4\r\nPING\r\n"), Startup::Nameless);
        // TLS, after its request was granted.
        let hello = [
            &8_u32.to_be_bytes()[..],
            &REQUESTS[0].to_be_bytes(),
            b"\x16\x03\x01\x02\0\x01\0\0",
        ];
        assert_eq!(read(&hello.concat()), Startup::Nameless);
    }
}
