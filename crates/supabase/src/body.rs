//! A JSON body, read whatever the `Content-Type` says where the realm is lenient. Not here:
//! how JSON is read (`surface`).

use crate::parts::SupabaseRealm;
use axum::extract::{FromRequest, FromRequestParts as _, Request};
use doorward_surface::Refusal;
use doorward_surface::extract::{AnyJson, Json, RealmPart};
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// The largest body read, bytes: metadata is at most 16 KiB.
const MAX_BODY: usize = 64 * 1024;

/// The body. Members that nobody reads are ignored, as the product does.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let (mut parts, body) = request.into_parts();
        let own = RealmPart::<Arc<SupabaseRealm>>::from_request_parts(&mut parts, state).await?;
        let request = Request::from_parts(parts, body);
        if own.0.mount.lenient {
            let AnyJson(read) = AnyJson::<T, MAX_BODY>::from_request(request, state).await?;
            return Ok(Self(read));
        }
        let Json(read) =
            <Json<T, MAX_BODY> as FromRequest<S>>::from_request(request, state).await?;
        Ok(Self(read))
    }
}
