//! The settings of a simulated agent, and what no one ever granted it.

use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use super::outside;
use super::random::Random;
use crate::agent::{Model, OutsideCall, Provider, Settings, TurnRules};
use crate::budget::{AtLimit, Limit, Measure, Money, Price, Prices, Rules, Scope};
use crate::channel::{AccessError, AccessRules, Audience, Platform, Standing, Unit};
use crate::label::Hold;
use crate::llm::{Dialect, OpenAiProfile, Thinking};
use crate::tool::Tools;

/// Calls that a turn may make, of models and tools together.
const CALLS_MAX: u64 = 8;

/// The most tokens that a model may write in an answer.
pub(super) const REPLY_TOKENS_MAX: u64 = 500;

/// The most time that a call may take.
pub(super) const CALL_TIME_MS: u64 = 30_000;

/// The largest file that is taken in, on one of the platforms.
pub(super) const ATTACHMENT_BYTES_MAX: u64 = 100;

pub(super) fn settings(random: &mut Random) -> Arc<Settings> {
    let model = |name: &str| Model {
        name: name.to_string(),
        provider: Provider::Service(Dialect::OpenAi(OpenAiProfile::OPENAI)),
        reply_tokens_max: u32::try_from(REPLY_TOKENS_MAX).unwrap(),
        context_tokens_max: *[6_000, 20_000].get(name.len() % 2).unwrap(),
        thinking: Thinking::Unset,
        sees_pictures: false,
    };
    let mut prices = Prices::new();
    let (input, output) = (Money(1_000_000), Money(4_000_000));
    prices.add("*", Price { input, output, ..Price::default() });
    let limit = |scope, measure, max, at_limit| Limit { scope, measure, max, at_limit };
    let at_limit = *random.pick(&[AtLimit::Stop, AtLimit::Ask, AtLimit::Pause]);
    let limits = Vec::from([
        limit(Scope::Turn, Measure::Calls, CALLS_MAX, AtLimit::Stop),
        limit(Scope::Conversation, Measure::Tokens, 60_000, at_limit),
        limit(Scope::Person, Measure::Tokens, *random.pick(&[40_000, 1_000_000]), at_limit),
        limit(Scope::Person, Measure::Calls, *random.pick(&[25, 1000]), at_limit),
        limit(Scope::Day, Measure::Money, *random.pick(&[60_000, 2_000_000]), at_limit),
        limit(Scope::Turn, Measure::Time, *random.pick(&[45_000, 150_000, 900_000]), at_limit),
        limit(Scope::Person, Measure::Time, *random.pick(&[300_000, 10_000_000]), at_limit),
        limit(Scope::Day, Measure::Time, *random.pick(&[300_000, 10_000_000]), at_limit),
    ]);
    let platform = |name, has_idempotency_key| Platform {
        name,
        text_max: 60,
        unit: Unit::Utf16,
        has_idempotency_key,
        ..Platform::TELEGRAM
    };
    let grants = [
        "read,list /srv/agent",
        "deny read /srv/agent/secret",
        "write /srv/agent ask",
        "write /srv/agent/free",
        "connect api.example GET",
        "run /usr/bin/git status|log",
        "model *",
    ];
    let mut settings = Settings::nothing();
    settings.digest = [7; 32];
    settings.instructions = "You are a helper.".into();
    settings.models = Vec::from([model("large"), model("tiny")]);
    settings.tools = Tools::builtin();
    settings.grants = grants.iter().map(|grant| grant.parse().unwrap()).collect();
    settings.budget = Rules { limits, warn_percent: Vec::from([80]) };
    settings.prices = prices;
    settings.access = access().unwrap();
    let platforms = [platform("keyed", true), platform("plain", false), Platform::OUTSIDE];
    settings.platforms = Vec::from(platforms);
    settings.attachments.insert("keyed".into(), ATTACHMENT_BYTES_MAX);
    settings.turn = TurnRules {
        rounds_max: 4,
        call_time_max: Duration::from_millis(CALL_TIME_MS),
        question_time_max: Duration::from_secs(300),
        output_bytes_max: 2000,
        people_may_approve: random.chance(50),
    };
    settings.flow.hold =
        *random.pick(&[Hold::Untrusted, Hold::Untrusted, Hold::Large, Hold::Nothing]);
    settings.snapshot_inputs = 10 + random.below(60);
    settings.workspace = "/srv/agent".into();
    settings.programs.insert("git".into(), "/usr/bin/git".into());
    if random.chance(30) {
        settings.persona = Some(persona_digest());
    }
    Arc::new(settings)
}

/// Settings in which some things of these are otherwise: what is granted, who is let in, which
/// models there are. What they grant, these do too.
pub(super) fn other(first: &Settings, random: &mut Random) -> Arc<Settings> {
    let mut settings = first.clone();
    let choice = random.below(32);
    let has = |bit: u32| choice >> bit & 1 == 1;
    settings.digest = [7; 32];
    // The first settings come again, too.
    settings.digest[0] ^= u8::try_from(choice).unwrap();
    let gone = [(0, "write /srv/agent ask"), (1, "write /srv/agent/free"), (2, "connect")];
    settings.grants.retain(|grant| {
        let grant = grant.to_string();
        !gone.iter().any(|(bit, start)| has(*bit) && grant.starts_with(start))
    });
    if has(3) {
        settings.models.reverse();
    }
    if has(4) {
        settings.access = AccessRules::new()
            .person("keyed", "1", Standing::Operator)
            .and_then(|rules| rules.person("plain", "1", Standing::Operator))
            .and_then(|rules| rules.room("keyed", "room", Audience::People))
            .unwrap();
        settings.turn.people_may_approve = !settings.turn.people_may_approve;
    }
    Arc::new(settings)
}

fn access() -> Result<AccessRules, AccessError> {
    AccessRules::new()
        .person("keyed", "1", Standing::Operator)?
        .person("keyed", "2", Standing::Person)?
        .person("plain", "1", Standing::Operator)?
        .room("keyed", "room", Audience::People)?
        .room("keyed", "hall", Audience::Everybody)?
        .room(outside::NAME, OutsideCall::ROOM, Audience::Everybody)?
        .pairing("keyed")
}

pub(super) const PERSONA: &str = "You are kind.";

fn persona_digest() -> [u8; 32] {
    use sha2::Digest as _;
    sha2::Sha256::digest(PERSONA.as_bytes()).into()
}
