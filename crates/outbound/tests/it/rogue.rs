//! An HTTP server that does as it is told, however wrong, and names that lead to it.

use doorward_base::egress::EgressUrl;
use doorward_outbound::egress::{EgressSettings, GuardedClient, LookingUp, Reach, Resolve};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

pub(crate) const CA: &[u8] = include_bytes!("../fixture/ca.pem");
const CHAIN: &[u8] = include_bytes!("../fixture/idp.pem");
const KEY: &[u8] = include_bytes!("../fixture/idp-key.pem");
/// What `openssl req -x509` makes for `idp.test`, now and one that is over.
pub(crate) const SELF_SIGNED: &[u8] = include_bytes!("../fixture/self.pem");
pub(crate) const OVER: &[u8] = include_bytes!("../fixture/over.pem");
const OWN_KEY: &[u8] = include_bytes!("../fixture/self-key.pem");

/// What the server does with a connection, once the request's head is there.
#[derive(Clone)]
pub(crate) enum Script {
    /// Writes this and closes.
    Say(Vec<u8>),
    /// Writes this and goes silent, the connection open.
    Stall(Vec<u8>),
    /// Writes the first once and the second for ever.
    Flood(Vec<u8>, Vec<u8>),
}

impl Script {
    pub(crate) fn say(text: impl Into<Vec<u8>>) -> Self {
        Self::Say(text.into())
    }

    /// 200 with this body, framed as it should be.
    pub(crate) fn ok(body: &str) -> Self {
        Self::say(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ))
    }

    pub(crate) fn redirect(location: &str) -> Self {
        Self::say(format!(
            "HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
        ))
    }
}

/// A server on the loopback. It ends with the test's runtime.
pub(crate) struct Rogue {
    pub(crate) port: u16,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Rogue {
    pub(crate) async fn plain(script: Script) -> Self {
        Self::start(None, script).await
    }

    /// With a certificate for `idp.test`.
    pub(crate) async fn tls(script: Script) -> Self {
        Self::showing(CHAIN, KEY, script).await
    }

    /// With a certificate that signed itself.
    pub(crate) async fn self_signed(certificate: &[u8], script: Script) -> Self {
        Self::showing(certificate, OWN_KEY, script).await
    }

    async fn showing(chain: &[u8], key: &[u8], script: Script) -> Self {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain).collect();
        let key = PrivateKeyDer::from_pem_slice(key).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain.unwrap(), key)
            .unwrap();
        Self::start(Some(TlsAcceptor::from(Arc::new(config))), script).await
    }

    async fn start(tls: Option<TlsAcceptor>, script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&heads);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, script, record) = (tls.clone(), script.clone(), Arc::clone(&record));
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, script, &record).await,
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => serve(stream, script, &record).await,
                            Err(_) => record.lock().unwrap().push("no handshake".to_owned()),
                        },
                    }
                });
            }
        });
        Self { port, heads }
    }

    /// The heads of the requests that came, or `no handshake`.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    pub(crate) fn url(&self, scheme: &str, host: &str, path: &str) -> EgressUrl {
        format!("{scheme}://{host}:{}{path}", self.port)
            .parse()
            .unwrap()
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    script: Script,
    record: &Mutex<Vec<String>>,
) {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read_exact(&mut byte).await.is_err() {
            return;
        }
        head.push(byte[0]);
    }
    record
        .lock()
        .unwrap()
        .push(String::from_utf8(head).unwrap());
    // The client may leave first; that is what most of the tests are about.
    match script {
        Script::Say(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
        Script::Stall(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.flush().await;
            let _ = stream.read(&mut [0]).await;
        }
        Script::Flood(first, again) => {
            let _ = stream.write_all(&first).await;
            while stream.write_all(&again).await.is_ok() {}
        }
    }
}

/// Names whose addresses are told by a function of the name and the number of the
/// look-up.
pub(crate) struct Names<F>(pub(crate) F, pub(crate) Mutex<Vec<String>>);

impl<F: Fn(&str, usize) -> Vec<IpAddr> + Send + Sync> Resolve for Names<F> {
    fn look_up<'a>(&'a self, name: &'a str) -> LookingUp<'a> {
        let mut asked = self.1.lock().unwrap();
        asked.push(name.to_owned());
        let found = (self.0)(name, asked.len());
        Box::pin(async move { Ok(found) })
    }
}

pub(crate) const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Every name is the loopback.
pub(crate) fn loopback() -> Arc<dyn Resolve> {
    Arc::new(Names(|_: &str, _| vec![LOOPBACK], Mutex::default()))
}

/// A client that trusts the test's authority and reaches these networks too.
pub(crate) fn client(allowed: &[&str], resolver: Arc<dyn Resolve>) -> GuardedClient {
    trusting(Some(CA), allowed, resolver)
}

/// The same, trusting what is given beside the system's authorities.
pub(crate) fn trusting(
    ca: Option<&[u8]>,
    allowed: &[&str],
    resolver: Arc<dyn Resolve>,
) -> GuardedClient {
    let allowed = allowed.iter().map(|net| net.parse().unwrap());
    let settings = EgressSettings {
        reach: Reach::new(allowed.collect()),
        ca: ca.map(<[u8]>::to_vec),
    };
    GuardedClient::new(settings, resolver).unwrap()
}

/// An address where nobody listens.
pub(crate) async fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}
