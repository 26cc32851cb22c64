//! What Nhost has and this version does not answers as where it is off, and nothing is a 404
//! by accident.

use crate::furnished::{EMAIL, dxtra, post, post_as, refusal, sign_up, text, told};
use doorward_testkit::site;
use serde_json::json;

#[test]
fn each_feature_that_is_off_says_so() {
    let app = dxtra(site!()).start();
    let access = text(&sign_up(&app, EMAIL), "accessToken");
    let disabled = refusal(409, "disabled-endpoint");
    for prefix in ["", "/v1"] {
        for path in [
            "/signin/anonymous",
            "/signin/passwordless/email",
            "/signin/passwordless/sms",
            "/signin/passwordless/sms/otp",
            "/signin/otp/email",
            "/signin/idtoken",
            "/signin/mfa/totp",
            "/signin/webauthn",
            "/signin/webauthn/verify",
            "/signup/webauthn",
            "/signup/webauthn/verify",
            "/signup/passwordless/email",
            "/user/password/reset",
            "/user/email/send-verification-email",
            "/token/exchange",
        ] {
            let path = format!("{prefix}{path}");
            assert_eq!(told(&post(&app, &path, &json!({}))), disabled, "{path}");
        }
        for path in [
            "/user/mfa",
            "/user/email/change",
            "/user/webauthn/add",
            "/elevate/webauthn",
            "/link/idtoken",
        ] {
            let path = format!("{prefix}{path}");
            let nobody = post(&app, &path, &json!({}));
            assert_eq!(told(&nobody), refusal(401, "unauthorized"), "{path}");
            let answer = post_as(&app, &access, &path, &json!({}));
            assert_eq!(told(&answer), disabled, "{path}");
        }
        let generate = app.get_as(&access, &format!("{prefix}/mfa/totp/generate"));
        assert_eq!(told(&generate), disabled);
        let provider = app.get(&format!("{prefix}/signin/provider/github"));
        assert_eq!(told(&provider), disabled);
        let verify = app.get(&format!(
            "{prefix}/verify?ticket=x&redirectTo=https://evil.example"
        ));
        assert_eq!(told(&verify), refusal(401, "invalid-ticket"));
        assert_eq!(verify.header("location"), None);
        let deanonymize = post_as(
            &app,
            &access,
            &format!("{prefix}/user/deanonymize"),
            &json!({}),
        );
        assert_eq!(told(&deanonymize), refusal(400, "user-not-anonymous"));
        let unknown = post(&app, &format!("{prefix}/signin/nothing"), &json!({}));
        assert_eq!(told(&unknown), refusal(404, "not-found"));
    }
}
