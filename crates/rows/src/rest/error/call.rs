//! What a client is told of a call of a function that is refused.

use super::{Refusal, Told};

/// What is told of it.
pub(super) fn told(refusal: &Refusal) -> Told {
    match refusal {
        Refusal::FunctionUnknown(name, hint) => {
            let message = format!("Could not find the function public.{name} in the schema cache");
            let details = format!(
                "Searched for the function public.{name}, but no matches were found in the schema \
                 cache."
            );
            Told::new(404, "PGRST202", message)
                .details(details)
                .hint(hint.clone())
        }
        Refusal::CallMethod(method) => Told::new(
            405,
            "PGRST101",
            format!("Cannot use the {method} method on RPC"),
        ),
        Refusal::CallReads(name) => Told::new(
            405,
            "25006",
            format!("cannot execute the function {name} in a read-only transaction"),
        )
        .hint(Some("It changes rows: call it by POST.".to_owned())),
        Refusal::CallOfOwner(name) => {
            let hint = format!("ALTER FUNCTION {name} SECURITY INVOKER");
            let message =
                format!("the function {name} runs with its owner's rights and is not called");
            Told::new(403, "42501", message).hint(Some(hint))
        }
        Refusal::CallAmbiguous(name) => {
            let message =
                format!("Could not choose the best candidate function between several {name}");
            let hint = "Try renaming the parameters or the function itself in the database so \
                        function overloading can be resolved";
            Told::new(300, "PGRST203", message).hint(Some(hint.to_owned()))
        }
        Refusal::CallScope(name, scope) => {
            let hint = format!("It needs the scope {scope}.");
            Told::new(
                403,
                "42501",
                format!("permission denied for function {name}"),
            )
            .hint(Some(hint))
        }
        _ => Told::new(
            400,
            "PGRST128",
            "Function must return SETOF or TABLE when max-affected preference is used with \
             handling=strict",
        ),
    }
}

/// With what was given to a function, and what it takes.
pub(super) fn arguments(told: Told, function: &str, given: &[String], known: &[String]) -> Told {
    let with = match given {
        [] => "without parameters".to_owned(),
        [only] => format!("with parameter {only}"),
        several => format!("with parameters {}", several.join(", ")),
    };
    let known = known.join(", ");
    let details = format!(
        "Searched for the function public.{function} {with}, but no matches were found in the \
         schema cache."
    );
    told.details(details).hint(Some(format!(
        "Perhaps you meant to call the function public.{function}({known})"
    )))
}
