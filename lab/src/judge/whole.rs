//! Whether a truth says all that is asked of it: what is missing must not pass for nothing.

use serde_json::Value;

/// What a key must hold.
#[derive(Clone, Copy, Debug)]
enum Is {
    Text,
    Number,
    Bool,
    List,
    /// A text, or null.
    Perhaps,
}

type Keys = &'static [(&'static str, Is)];

const TRUTH: Keys = &[
    ("scenario", Is::Text),
    ("seed", Is::Number),
    ("relays", Is::List),
    ("bots", Is::List),
    ("innocents", Is::List),
    ("sessions", Is::List),
];
const RELAY: Keys = &[
    ("ip", Is::Text),
    ("ports", Is::List),
    ("topology", Is::Text),
    ("authorised", Is::Bool),
    ("tunnels", Is::List),
    ("out_legs_with_data", Is::Number),
    ("smtp_connections_delivered", Is::Number),
    ("smtp_messages_delivered", Is::Number),
];
const BOT: Keys =
    &[("ip", Is::Text), ("smtp_connections_delivered", Is::Number), ("smtp_messages_delivered", Is::Number)];
const INNOCENT: Keys = &[("ip", Is::Text), ("does", Is::List)];
const SESSION: Keys = &[("relay", Is::Perhaps), ("in_legs", Is::List), ("out_legs", Is::List)];
const LEG: Keys = &[
    ("conn", Is::Number),
    ("src", Is::Text),
    ("dst", Is::Text),
    ("start", Is::Number),
    ("end", Is::Number),
    ("bytes_orig", Is::Number),
    ("bytes_resp", Is::Number),
    ("raw_payload", Is::Number),
    ("state", Is::Text),
    ("accepted", Is::Number),
];

/// Says where something is missing, or is something else.
pub(super) fn whole(truth: &Value) -> Result<(), String> {
    has(truth, "truth", TRUTH)?;
    each(truth, "relays", RELAY, |relay, at| {
        if relay["topology"] == "backconnect" {
            has(relay, at, &[("super_proxy", Is::Text)])?;
        }
        each(relay, "tunnels", LEG, |_, _| Ok(()))
    })?;
    each(truth, "bots", BOT, |_, _| Ok(()))?;
    each(truth, "innocents", INNOCENT, |_, _| Ok(()))?;
    each(truth, "sessions", SESSION, |session, _| {
        ["in_legs", "out_legs"].into_iter().try_for_each(|legs| each(session, legs, LEG, |_, _| Ok(())))
    })
}

fn each(of: &Value, list: &str, keys: Keys, more: impl Fn(&Value, &str) -> Result<(), String>) -> Result<(), String> {
    super::list(of, list).iter().enumerate().try_for_each(|(number, one)| {
        let at = format!("{list}[{number}]");
        has(one, &at, keys)?;
        more(one, &at)
    })
}

fn has(one: &Value, at: &str, keys: Keys) -> Result<(), String> {
    let is = |value: &Value, what| match what {
        Is::Text => value.is_string(),
        Is::Number => value.is_number(),
        Is::Bool => value.is_boolean(),
        Is::List => value.is_array(),
        Is::Perhaps => value.is_string() || value.is_null(),
    };
    keys.iter().try_for_each(|&(key, what)| match one.get(key) {
        Some(value) if is(value, what) => Ok(()),
        Some(value) => Err(format!("{at}: {key} is {value}")),
        None => Err(format!("{at}: {key} is missing")),
    })
}
