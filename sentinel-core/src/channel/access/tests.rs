use alloc::string::ToString;
use alloc::vec;

use super::super::identity::Identity;
use super::super::rules::AccessError;
use super::*;
use crate::limits::{
    CHANNEL_CODE_LIFETIME, CHANNEL_CODE_REMINDER, CHANNEL_CODES_MAX, CHANNEL_GUESTS_MAX,
    CHANNEL_WRONG_CODES_MAX,
};

const NOW: Timestamp = Timestamp(1_000_000_000_000);

fn private(platform: &str, sender: &str) -> Incoming {
    Incoming {
        identity: Identity::new(platform, sender, sender).unwrap(),
        id: "1".into(),
        is_private: true,
        is_from_bot: false,
        name: "77".into(),
        parts: vec![],
        sent: NOW,
    }
}

fn room(platform: &str, chat: &str, sender: &str) -> Incoming {
    let mut message = private(platform, sender);
    message.identity.chat = chat.into();
    message.is_private = false;
    message
}

fn rules() -> AccessRules {
    AccessRules::new()
        .person("telegram", "77", Standing::Operator)
        .and_then(|rules| rules.person("telegram", "78", Standing::Person))
        .and_then(|rules| rules.room("telegram", "-5", Audience::People))
        .and_then(|rules| rules.room("telegram", "-6", Audience::Everybody))
        .and_then(|rules| rules.pairing("telegram"))
        .unwrap()
}

fn admit(access: &mut Access, message: &Incoming) -> Admission {
    access.admit(message, [7; 16], NOW)
}

fn ignored(why: Ignored) -> Admission {
    Admission::Ignore { why }
}

fn code_in(admission: &Admission) -> String {
    let Admission::OfferCode { text } = admission else { panic!("{admission:?}") };
    let is_code = |word: &&str| word.len() == 10 && word.bytes().all(|b| !b.is_ascii_lowercase());
    text.split_whitespace().find(is_code).unwrap().to_string()
}

fn allow(person: u32, is_operator: bool, is_guest: bool) -> Admission {
    Admission::Allow { person: Person(person), is_operator, is_guest }
}

#[test]
fn nobody_by_default() {
    let mut access = Access::new(AccessRules::new());
    assert_eq!(admit(&mut access, &private("telegram", "77")), ignored(Ignored::Stranger));
    let in_room = room("telegram", "-5", "77");
    assert_eq!(admit(&mut access, &in_room), ignored(Ignored::RoomNotAllowed));
    assert_eq!(access.people().count(), 0);
}

#[test]
fn a_topic_belongs_to_its_room() {
    let rules = rules().room("telegram", "-5/7", Audience::Everybody).unwrap();
    let mut access = Access::new(rules);
    assert_eq!(admit(&mut access, &room("telegram", "-5/9", "78")), allow(1, false, false));
    assert_eq!(admit(&mut access, &room("telegram", "-5/9", "5")), ignored(Ignored::Stranger));
    assert_eq!(admit(&mut access, &room("telegram", "-5/7", "5")), allow(2, false, true));
    for other in ["-55/9", "-4/-5", "/-5", "9/-5"] {
        let message = room("telegram", other, "77");
        assert_eq!(admit(&mut access, &message), ignored(Ignored::RoomNotAllowed), "{other}");
    }
    for wrong in ["-5/", "-5/x", "-5/7/8", "/7", "-5/07", "-5/-7"] {
        let rules = AccessRules::new().room("telegram", wrong, Audience::People);
        assert!(matches!(rules, Err(AccessError::NotAnId { .. })), "{wrong}");
    }
    // A rule for a topic opens that topic alone.
    let rules = AccessRules::new().room("telegram", "-5/7", Audience::Everybody).unwrap();
    let mut access = Access::new(rules);
    for other in ["-5", "-5/8"] {
        let message = room("telegram", other, "5");
        assert_eq!(admit(&mut access, &message), ignored(Ignored::RoomNotAllowed), "{other}");
    }
}

#[test]
fn only_exact_ids_are_let_in() {
    let mut access = Access::new(rules());
    assert_eq!(admit(&mut access, &private("telegram", "77")), allow(0, true, false));
    assert_eq!(admit(&mut access, &private("telegram", "78")), allow(1, false, false));
    for (platform, sender) in
        [("discord", "77"), ("Telegram", "77"), ("slack", "78"), ("telegram2", "77")]
    {
        let message = private(platform, sender);
        assert_eq!(admit(&mut access, &message), ignored(Ignored::Stranger), "{platform}");
    }
    // The name is 77 in all of them, and decides nothing.
    for sender in ["7", "777", "077", "+77", "77a"] {
        let admission = access.clone().admit(&private("telegram", sender), [7; 16], NOW);
        assert!(matches!(admission, Admission::OfferCode { .. }), "{sender}");
    }
    // The fields of an identity are open: what is blank there is refused here.
    let mut blank = private("telegram", "77");
    blank.identity.sender.clear();
    assert_eq!(admit(&mut access, &blank), ignored(Ignored::Malformed));
}

#[test]
fn a_blank_mistyped_or_repeated_entry_is_an_error_and_never_everyone() {
    for id in ["", " ", "*", "all", "@ada", "ada", "7 7", "77,78", "0", "7*", "-", "0x4d", "７７"]
    {
        let error = rules().person("telegram", id, Standing::Person);
        assert!(error.is_err(), "{id}");
        assert!(rules().room("telegram", id, Audience::Everybody).is_err(), "{id}");
    }
    for id in ["", "*", "u0123", "@ada", "ada", "C0123", "U"] {
        assert!(rules().person("slack", id, Standing::Person).is_err(), "{id}");
    }
    assert!(rules().person("slack", "U0123AB", Standing::Person).is_ok());
    assert!(rules().room("slack", "C0123AB", Audience::People).is_ok());
    assert!(rules().person("matrix", "@ada:example.org", Standing::Person).is_ok());
    assert!(rules().person("matrix", "@*:example.org", Standing::Person).is_err());
    let entry = "telegram:77".to_string();
    let twice = Err(AccessError::Twice { entry });
    assert_eq!(rules().person("telegram", "77", Standing::Person), twice);
    assert!(rules().room("telegram", "-5", Audience::Everybody).is_err());
    assert!(rules().pairing("telegram").is_err());
    assert!(rules().pairing(" ").is_err());
    for standing in [Standing::Guest, Standing::Revoked] {
        assert_eq!(rules().person("telegram", "9", standing), Err(AccessError::Standing));
    }
}

#[test]
fn a_room_needs_a_rule_and_its_people_too() {
    let mut access = Access::new(rules());
    for (chat, sender, expected) in [
        ("-5", "77", allow(0, true, false)),
        ("-5", "79", ignored(Ignored::Stranger)),
        ("-4", "77", ignored(Ignored::RoomNotAllowed)),
        ("-4", "79", ignored(Ignored::RoomNotAllowed)),
        ("-6", "78", allow(1, false, false)),
        ("-6", "79", allow(2, false, true)),
        ("-6", "79", allow(2, false, true)),
        ("-6", "80", allow(3, false, true)),
        ("-5", "79", ignored(Ignored::Stranger)),
    ] {
        assert_eq!(
            admit(&mut access, &room("telegram", chat, sender)),
            expected,
            "{chat} {sender}"
        );
    }
    let discord = room("discord", "-6", "79");
    assert_eq!(admit(&mut access, &discord), ignored(Ignored::RoomNotAllowed));
    // A guest is a stranger in private.
    assert!(matches!(admit(&mut access, &private("telegram", "79")), Admission::OfferCode { .. }));
}

#[test]
fn programs_are_never_answered() {
    let mut access = Access::new(rules());
    for sender in ["77", "79"] {
        for mut message in [private("telegram", sender), room("telegram", "-6", sender)] {
            message.is_from_bot = true;
            assert_eq!(admit(&mut access, &message), ignored(Ignored::Bot));
        }
    }
}

#[test]
fn a_stranger_is_paired_by_the_operator() {
    let mut access = Access::new(rules());
    let stranger = private("telegram", "79");
    let code = code_in(&admit(&mut access, &stranger));
    let entered = alloc::format!(" {}-{} ", code[..5].to_lowercase(), &code[5..]);
    assert_eq!(access.approve(&entered, NOW), Ok(Person(2)));
    assert_eq!(admit(&mut access, &stranger), allow(2, false, false));
    assert_eq!(access.approve(&code, NOW), Err(PairingError::Unknown), "it is good once");
    // In private means in private: the rooms he is in are no more allowed than before.
    let elsewhere = room("telegram", "-4", "79");
    assert_eq!(admit(&mut access, &elsewhere), ignored(Ignored::RoomNotAllowed));
    assert_eq!(admit(&mut access, &private("discord", "79")), ignored(Ignored::Stranger));
}

/// A stranger has a code, and before anybody enters it the rules make him an operator: entering it
/// takes nothing from him.
#[test]
fn a_code_from_before_makes_nobody_less_than_the_rules_do() {
    let mut access = Access::new(rules());
    let code = code_in(&admit(&mut access, &private("telegram", "90")));
    access.adopt(rules().person("telegram", "90", Standing::Operator).unwrap());
    assert_eq!(admit(&mut access, &private("telegram", "90")), allow(2, true, false));
    assert_eq!(access.approve(&code, NOW), Ok(Person(2)));
    assert_eq!(admit(&mut access, &private("telegram", "90")), allow(2, true, false));
    // He is one as long as the rules say so.
    access.adopt(rules());
    assert!(!access.is_in(Person(2)));
}

#[test]
fn no_code_in_a_room() {
    let rules = rules().room("telegram", "79", Audience::People).unwrap();
    let mut access = Access::new(rules);
    // The chat has the number of the sender, and is a room all the same.
    let in_room = room("telegram", "79", "79");
    assert_eq!(admit(&mut access, &in_room), ignored(Ignored::Stranger));
}

#[test]
fn who_asks_again_gets_the_same_code_and_not_at_once() {
    let mut access = Access::new(rules());
    let stranger = private("telegram", "79");
    let code = code_in(&access.admit(&stranger, [1; 16], NOW));
    let almost = Timestamp(NOW.0 + 10 * 60 * 1000 - 1);
    let too_soon = ignored(Ignored::AskedTooSoon);
    assert_eq!(access.admit(&stranger, [2; 16], almost), too_soon);
    let later = NOW.after(CHANNEL_CODE_REMINDER);
    assert_eq!(code_in(&access.admit(&stranger, [3; 16], later)), code);
    assert_eq!(access.admit(&stranger, [4; 16], later), too_soon);
    // A reminder does not make it live longer.
    let end = NOW.after(CHANNEL_CODE_LIFETIME);
    assert_ne!(code_in(&access.admit(&stranger, [5; 16], end)), code);
    assert_eq!(access.approve(&code, end), Err(PairingError::Unknown));
}

#[test]
fn a_code_ends_with_its_hour_and_when_the_clock_runs_back() {
    let last = Timestamp(NOW.0 + 60 * 60 * 1000 - 1);
    for (then, is_good) in [
        (NOW, true),
        (last, true),
        (NOW.after(CHANNEL_CODE_LIFETIME), false),
        (Timestamp(NOW.0 - 1), false),
        (Timestamp(u64::MAX), false),
    ] {
        let mut access = Access::new(rules());
        let code = code_in(&admit(&mut access, &private("telegram", "79")));
        assert_eq!(access.approve(&code, then).is_ok(), is_good, "{then}");
    }
}

#[test]
fn a_crowd_of_strangers_gets_few_codes() {
    let mut access = Access::new(rules().pairing("discord").unwrap());
    let mut ask = |platform: &str, sender: u8, now| {
        access.admit(&private(platform, &sender.to_string()), [sender; 16], now)
    };
    for sender in 0..77 {
        let has_code = matches!(ask("telegram", sender, NOW), Admission::OfferCode { .. });
        assert_eq!(has_code, usize::from(sender) < CHANNEL_CODES_MAX);
    }
    let elsewhere = ask("discord", 200, NOW);
    assert!(matches!(elsewhere, Admission::OfferCode { .. }), "each platform counts for itself");
    let later = NOW.after(CHANNEL_CODE_LIFETIME);
    assert!(matches!(ask("telegram", 50, later), Admission::OfferCode { .. }));
}

#[test]
fn entropy_that_repeats_gives_no_two_people_one_code() {
    let mut access = Access::new(rules());
    let code = code_in(&admit(&mut access, &private("telegram", "79")));
    let second = admit(&mut access, &private("telegram", "80"));
    assert_eq!(second, ignored(Ignored::TooManyCodes));
    assert_eq!(access.approve(&code, NOW).map(|person| person.0), Ok(2));
    assert_eq!(access.person(Person(2)).unwrap().sender, "79");
}

#[test]
fn wrong_codes_are_counted() {
    let mut access = Access::new(rules());
    let code = code_in(&admit(&mut access, &private("telegram", "79")));
    for wrong in 0..CHANNEL_WRONG_CODES_MAX {
        let wrong =
            ["", "ABCDEFGHJ", "ABCDEFGHJKL", "IIIIIIIIII", "ABCDEFGHJK"][wrong as usize % 5];
        assert_eq!(access.approve(wrong, NOW), Err(PairingError::Unknown), "{wrong}");
    }
    let until = NOW.after(CHANNEL_CODE_LIFETIME);
    let locked = PairingError::TooManyAttempts { until };
    assert_eq!(access.approve(&code, NOW), Err(locked));
    // Turning the clock back does not help.
    let before = Timestamp(NOW.0 - 1000);
    assert!(matches!(access.approve(&code, before), Err(PairingError::TooManyAttempts { .. })));
    assert_eq!(access.approve(&code, until), Err(PairingError::Unknown), "it waited too long");
    let code = code_in(&access.admit(&private("telegram", "79"), [9; 16], until));
    assert!(access.approve(&code, until).is_ok());
}

#[test]
fn who_is_revoked_is_out_everywhere_and_keeps_the_number() {
    let mut access = Access::new(rules());
    let guest = room("telegram", "-6", "79");
    assert_eq!(admit(&mut access, &guest), allow(2, false, true));
    assert!(access.revoke(Person(2)));
    assert!(!access.revoke(Person(2)));
    assert!(!access.revoke(Person(99)));
    assert_eq!(admit(&mut access, &guest), ignored(Ignored::Revoked));
    assert!(access.revoke(Person(0)));
    assert_eq!(admit(&mut access, &room("telegram", "-5", "77")), ignored(Ignored::Revoked));
    // He may be let in again, by the operator's own doing.
    let code = code_in(&admit(&mut access, &private("telegram", "79")));
    assert_eq!(access.approve(&code, NOW), Ok(Person(2)));
    // Revoking withdraws a code, too.
    access.revoke(Person(2));
    let code = code_in(&access.admit(&private("telegram", "79"), [8; 16], NOW));
    access.revoke(Person(2));
    assert_eq!(access.approve(&code, NOW), Err(PairingError::Unknown));
}

#[test]
fn people_are_bounded() {
    let mut access = Access::new(rules());
    for sender in 1000..1000 + CHANNEL_GUESTS_MAX {
        let admission = admit(&mut access, &room("telegram", "-6", &sender.to_string()));
        assert!(matches!(admission, Admission::Allow { is_guest: true, .. }));
    }
    let one_more = room("telegram", "-6", "5");
    assert_eq!(admit(&mut access, &one_more), ignored(Ignored::TooManyPeople));
    assert_eq!(admit(&mut access, &private("telegram", "77")), allow(0, true, false));
    // However many guests there are, there is room for those who are let in.
    for sender in 0..CHANNEL_PEOPLE_MAX - CHANNEL_GUESTS_MAX - 1 {
        let now = NOW.after(CHANNEL_CODE_LIFETIME * u32::try_from(sender).unwrap());
        let stranger = private("telegram", &(100_000 + sender).to_string());
        let code = code_in(&access.admit(&stranger, [7; 16], now));
        let room_is_left = access.people().count() < CHANNEL_PEOPLE_MAX;
        assert_eq!(access.approve(&code, now).is_ok(), room_is_left);
    }
    assert_eq!(access.people().count(), CHANNEL_PEOPLE_MAX);
}

#[test]
fn who_was_shut_out_stays_out_when_the_rules_change() {
    let mut access = Access::new(rules());
    assert!(access.revoke(Person(1)));
    let shut_out = private("telegram", "78");
    access.adopt(rules().person("telegram", "99", Standing::Person).unwrap());
    assert!(!matches!(admit(&mut access, &shut_out), Admission::Allow { .. }));
    // Left out of the rules and named again, he is let in again.
    access.adopt(AccessRules::new());
    access.adopt(rules());
    assert!(matches!(admit(&mut access, &shut_out), Admission::Allow { .. }));
}

/// The same calls give the same answers, and nobody is let in whom no rule and no code let in.
#[test]
fn random_calls_let_in_nobody_else() {
    arbtest::arbtest(|u| {
        let (mut access, mut twin) = (Access::new(rules()), Access::new(rules()));
        let mut paired = alloc::collections::BTreeSet::new();
        let mut offered = alloc::collections::BTreeMap::new();
        let mut now = NOW;
        while !u.is_empty() {
            now = now.after(core::time::Duration::from_secs(u.int_in_range(0..=900)?));
            let sender = u.int_in_range(76..=82)?.to_string();
            if u.ratio(1, 3)? && !offered.is_empty() {
                let codes: Vec<(String, String)> = offered.clone().into_iter().collect();
                let (code, owner) = u.choose(&codes)?;
                let result = access.approve(code, now);
                assert_eq!(twin.approve(code, now), result);
                if let Ok(person) = result {
                    assert_eq!(access.person(person).unwrap().sender, *owner);
                    paired.insert(owner.clone());
                }
                continue;
            }
            let chat = *u.choose(&["-4", "-5", "-6"])?;
            let is_private = u.arbitrary()?;
            let message = if is_private {
                private("telegram", &sender)
            } else {
                room("telegram", chat, &sender)
            };
            let entropy = u.arbitrary()?;
            let admission = access.admit(&message, entropy, now);
            assert_eq!(twin.admit(&message, entropy, now), admission);
            let is_known = sender == "77" || sender == "78" || paired.contains(&sender);
            match admission {
                Admission::Allow { is_operator, is_guest, .. } => {
                    assert_eq!(is_operator, sender == "77");
                    assert_eq!(is_guest, !is_known);
                    assert!(is_private && is_known || !is_private && chat != "-4");
                    assert!(chat == "-6" || is_known);
                }
                Admission::OfferCode { .. } => {
                    assert!(is_private && !is_known);
                    offered.insert(code_in(&admission), sender);
                }
                Admission::Ignore { .. } => assert!(!is_known || !is_private && chat == "-4"),
            }
        }
        Ok(())
    });
}
