//! Issuers over a way out that answers as the test says, on a clock that it moves: the
//! runtime's time is paused, so a sleep passes in no time and ends when all else waits.

use super::*;
use doorward_base::egress::{EgressAnswer, EgressError, Sending};
use http::{HeaderMap, Uri};
use std::sync::atomic::AtomicUsize;
use tokio::sync::Semaphore;

const URL: &str = "https://idp.test/jwks.json";
const METADATA: &str = "https://idp.test/.well-known/openid-configuration";
const KEY: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","alg":"ES256","use":"sig","kid":"KID"}"#;

fn document(kids: &[&str]) -> String {
    let keys: Vec<String> = kids.iter().map(|kid| KEY.replace("KID", kid)).collect();
    format!("{{\"keys\":[{}]}}", keys.join(","))
}

struct Idp {
    answer: Mutex<Result<(u16, String), EgressError>>,
    metadata: Mutex<String>,
    asked: AtomicUsize,
    room: Semaphore,
}

impl Egress for Idp {
    fn send(&self, request: EgressRequest) -> Sending<'_> {
        let url = request.url.uri().to_string();
        if url == METADATA {
            let body = self.metadata.lock().unwrap().clone().into_bytes();
            return Box::pin(std::future::ready(Ok(EgressAnswer {
                status: StatusCode::OK,
                headers: HeaderMap::new(),
                body,
            })));
        }
        assert_eq!(url, URL);
        self.asked.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            self.room.acquire().await.unwrap().forget();
            let (status, body) = self.answer.lock().unwrap().clone()?;
            Ok(EgressAnswer {
                status: StatusCode::from_u16(status).unwrap(),
                headers: HeaderMap::new(),
                body: body.into_bytes(),
            })
        })
    }
}

impl Idp {
    fn new(body: String) -> Arc<Self> {
        Arc::new(Self {
            answer: Mutex::new(Ok((200, body))),
            metadata: Mutex::default(),
            asked: AtomicUsize::new(0),
            room: Semaphore::new(1_000_000),
        })
    }

    fn now_says(&self, answer: Result<(u16, String), EgressError>) {
        *self.answer.lock().unwrap() = answer;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn issuers(self: &Arc<Self>) -> Arc<Issuers> {
        Arc::new(Issuers::new(Arc::clone(self) as Arc<dyn Egress>))
    }
}

fn keys(issuers: &Issuers) -> Arc<FetchedKeys> {
    issuers.keys_of(&jwks(URL)).unwrap()
}

fn jwks(url: &'static str) -> RemoteSource {
    RemoteSource::Jwks(Uri::from_static(url))
}

fn kids(keys: &FetchedKeys) -> Option<usize> {
    keys.known().map(|(keys, _)| keys.len())
}

#[tokio::test(start_paused = true)]
async fn nothing_is_known_until_it_is_fetched_and_it_is_fetched_once() {
    let idp = Idp::new(document(&["a"]));
    let issuers = idp.issuers();
    let keys = keys(&issuers);
    assert_eq!((kids(&keys), keys.generation()), (None, None));
    assert_eq!(issuers.health().without_keys, 1);
    let mut looking = JoinSet::new();
    for _ in 0..200 {
        let keys = Arc::clone(&keys);
        looking.spawn(async move {
            keys.look_again().await;
            kids(&keys)
        });
    }
    assert!(looking.join_all().await.iter().all(|kids| *kids == Some(1)));
    assert_eq!(idp.asked(), 1);
    assert_eq!(issuers.health().without_keys, 0);
}

#[tokio::test(start_paused = true)]
async fn j46_made_up_key_ids_cost_one_fetch_in_thirty_seconds() {
    let idp = Idp::new(document(&["a"]));
    let keys = keys(&idp.issuers());
    let began = Instant::now();
    for _ in 0..10_000 {
        keys.look_again().await;
        tokio::time::advance(Duration::from_millis(10)).await;
    }
    let room = began.elapsed().as_secs() / COOLDOWN.as_secs() + 1;
    assert_eq!(u64::try_from(idp.asked()).unwrap(), room);
}

#[tokio::test(start_paused = true)]
async fn a_new_key_is_found_when_a_token_names_it_and_the_attempt_is_what_cools_down() {
    let idp = Idp::new(document(&["a"]));
    let keys = keys(&idp.issuers());
    keys.look_again().await;
    let (_, before) = keys.known().unwrap();
    tokio::time::advance(COOLDOWN).await;
    idp.now_says(Err(EgressError::TimedOut));
    keys.look_again().await;
    idp.now_says(Ok((200, document(&["a", "b"]))));
    keys.look_again().await;
    assert_eq!(kids(&keys), Some(1), "the failed attempt counts");
    tokio::time::advance(COOLDOWN).await;
    keys.look_again().await;
    assert_eq!(kids(&keys), Some(2));
    assert!(keys.generation() > Some(before));
    assert_eq!(idp.asked(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_goes_away_does_not_end_the_fetch() {
    let idp = Idp::new(document(&["a"]));
    idp.room.forget_permits(1_000_000);
    let keys = keys(&idp.issuers());
    let gone = tokio::time::timeout(Duration::from_millis(1), keys.look_again());
    assert!(gone.await.is_err());
    let waiting = keys.look_again();
    idp.room.add_permits(1);
    waiting.await;
    assert_eq!((kids(&keys), idp.asked()), (Some(1), 1));
}

#[tokio::test(start_paused = true)]
async fn sets_are_fetched_ahead_of_need_and_the_same_document_is_no_news() {
    let idp = Idp::new(document(&["a"]));
    let issuers = idp.issuers();
    let keys = keys(&issuers);
    let refreshing = tokio::spawn(Arc::clone(&issuers).refresh_when_due());
    tokio::time::sleep(Duration::from_secs(1)).await;
    let first = keys.generation();
    assert!(first.is_some(), "before anybody asked");
    tokio::time::sleep(REFRESH * 3).await;
    assert_eq!((idp.asked(), keys.generation()), (4, first));
    idp.now_says(Ok((200, document(&["b"]))));
    tokio::time::sleep(REFRESH + LOOK).await;
    let (known, generation) = keys.known().unwrap();
    assert!(
        known.find("a").is_none(),
        "what the issuer took back is gone"
    );
    assert!(Some(generation) > first);
    refreshing.abort();
}

#[tokio::test(start_paused = true)]
async fn the_last_good_set_serves_through_an_outage_of_a_day_and_no_longer() {
    let idp = Idp::new(document(&["a"]));
    let issuers = idp.issuers();
    let keys = keys(&issuers);
    let refreshing = tokio::spawn(Arc::clone(&issuers).refresh_when_due());
    tokio::time::sleep(LOOK).await;
    let oversized = format!("{{\"keys\":[{}]}}", vec![KEY; 101].join(","));
    let mixed = r#"{"keys":[{"kty":"oct","k":"AAAA"},{"kty":"RSA"}]}"#.to_owned();
    let bad = [
        Err(EgressError::Unreachable),
        Err(EgressError::TooLarge),
        Ok((500, document(&["b"]))),
        Ok((302, document(&["b"]))),
        Ok((200, String::new())),
        Ok((200, "<html>".to_owned())),
        Ok((200, "{\"keys\":[]}".to_owned())),
        Ok((200, document(&["b", "b"]))),
        Ok((200, oversized)),
        Ok((200, mixed)),
    ];
    for answer in &bad {
        idp.now_says(answer.clone());
        let before = idp.asked();
        tokio::time::sleep(REFRESH * 2).await;
        assert!(idp.asked() > before + 10, "it is tried again and again");
        assert!(keys.known().unwrap().0.find("a").is_some(), "{answer:?}");
    }
    assert_eq!(
        issuers.health(),
        Health {
            known: 1,
            without_keys: 0,
            failing: 1
        }
    );
    tokio::time::sleep(LAST_GOOD).await;
    assert_eq!((kids(&keys), keys.generation()), (None, None));
    idp.now_says(Ok((200, document(&["a"]))));
    tokio::time::sleep(COOLDOWN + LOOK).await;
    assert_eq!(kids(&keys), Some(1));
    refreshing.abort();
}

#[tokio::test]
async fn realms_share_what_is_behind_a_url_and_what_nobody_wants_is_forgotten() {
    let issuers = Idp::new(String::new()).issuers();
    let (one, other) = (keys(&issuers), keys(&issuers));
    assert!(Arc::ptr_eq(&one, &other));
    assert!(issuers.keys_of(&jwks("https://0x7f.1/")).is_none());
    drop((one, other));
    assert_eq!(issuers.health().known, 0);
}

/// HO-05: whoever waits for keys that were never there is not kept waiting by a cooldown.
#[tokio::test(start_paused = true)]
async fn an_issuer_that_was_never_reached_is_found_within_seconds_of_its_return() {
    let idp = Idp::new(document(&["a"]));
    idp.now_says(Err(EgressError::Unreachable));
    let issuers = idp.issuers();
    let keys = keys(&issuers);
    let refreshing = tokio::spawn(Arc::clone(&issuers).refresh_when_due());
    tokio::time::sleep(Duration::from_secs(600)).await;
    let asked = u64::try_from(idp.asked()).unwrap();
    assert!((150..=301).contains(&asked), "{asked}");
    assert_eq!(kids(&keys), None);
    idp.now_says(Ok((200, document(&["a"]))));
    tokio::time::sleep(RETRY + LOOK * 2).await;
    assert_eq!(kids(&keys), Some(1));
    // And once there are keys, made-up names wait for the long one.
    let asked = idp.asked();
    for _ in 0..20 {
        keys.look_again().await;
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    assert_eq!(idp.asked(), asked);
    refreshing.abort();
}

#[tokio::test(start_paused = true)]
async fn keys_are_where_the_metadata_of_this_issuer_says() {
    let idp = Idp::new(document(&["a"]));
    let issuers = idp.issuers();
    let source = RemoteSource::Discovery {
        url: Uri::from_static(METADATA),
        issuer: "https://idp.test/".into(),
    };
    let keys = issuers.keys_of(&source).unwrap();
    let of = |issuer: &str, jwks_uri: &str| {
        format!(r#"{{"issuer":"{issuer}","jwks_uri":"{jwks_uri}"}}"#)
    };
    for metadata in [
        "<html>".to_owned(),
        r#"{"issuer":"https://idp.test/"}"#.to_owned(),
        of("https://idp.test", URL),
        of("https://idp.test/", "/jwks.json"),
        of("https://idp.test/", "http://idp.test/jwks.json"),
        of("https://idp.test/", "https://u@idp.test/jwks.json"),
    ] {
        *idp.metadata.lock().unwrap() = metadata;
        tokio::time::advance(RETRY * 4).await;
        keys.look_again().await;
        assert_eq!((kids(&keys), idp.asked()), (None, 0));
    }
    *idp.metadata.lock().unwrap() = of("https://idp.test/", URL);
    tokio::time::advance(RETRY * 4).await;
    keys.look_again().await;
    assert_eq!((kids(&keys), idp.asked()), (Some(1), 1));
}

/// Who comes while a first attempt is under way waits for that one, and for no second.
#[tokio::test(start_paused = true)]
async fn without_keys_nobody_waits_for_two_attempts() {
    let idp = Idp::new(document(&["a"]));
    idp.now_says(Err(EgressError::TimedOut));
    idp.room.forget_permits(1_000_000);
    let keys = keys(&idp.issuers());
    let first = tokio::spawn({
        let keys = Arc::clone(&keys);
        async move { keys.look_again().await }
    });
    tokio::time::sleep(RETRY).await;
    let second = keys.look_again();
    idp.room.add_permits(1);
    second.await;
    first.await.unwrap();
    assert_eq!((kids(&keys), idp.asked()), (None, 1));
}
