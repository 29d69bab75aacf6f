//! The route, case by case and in a simulation of many exchanges.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::ToString;
use core::time::Duration;

use arbtest::arbtest;

use super::*;
use crate::llm::TransportKind;

const OVERLOADED: ModelError = ModelError::new(ModelErrorKind::Overloaded);
const WRONG_KEY: ModelError = ModelError::new(ModelErrorKind::Authentication);
const CUT: ModelError = ModelError::transport(TransportKind::Cut);

fn route(names: &[&str]) -> Route {
    let names = names.iter().map(ToString::to_string).collect();
    Route::new(names, RoutePolicy::default()).unwrap()
}

fn limited(seconds: u64) -> ModelError {
    ModelError::new(ModelErrorKind::RateLimited)
        .with_retry_after(Some(Duration::from_secs(seconds)))
}

#[track_caller]
fn sent(next: Next) -> (Attempt, Option<Switch>) {
    match next {
        Next::Send { attempt, switch } => (attempt, switch),
        other => panic!("not sent: {other:?}"),
    }
}

#[track_caller]
fn waits(next: Next) -> Waiting {
    match next {
        Next::Wait(waiting) => waiting,
        other => panic!("does not wait: {other:?}"),
    }
}

#[track_caller]
fn gives_up(next: Next) -> GiveUp {
    match next {
        Next::GiveUp(why) => why,
        other => panic!("does not give up: {other:?}"),
    }
}

fn states(route: &Route, now: Instant) -> Vec<String> {
    route.status(now).map(|status| status.to_string()).collect()
}

#[test]
fn a_hiccup_is_retried_with_the_same_model_after_a_backoff() {
    let mut route = route(&["a", "b"]);
    let (attempt, _) = sent(route.begin(Instant(0)));
    let failed = route.failed(attempt, &CUT, false, Instant(100), u64::MAX);
    assert_eq!(failed.earlier, Earlier::Nothing);
    let waiting = waits(failed.next);
    assert_eq!(waiting.until(), Instant(600));
    assert_eq!(waiting.because(), Some(&CUT));
    // Early, it waits on.
    let waiting = waits(route.resume(waiting, Instant(599)));
    let (attempt, switch) = sent(route.resume(waiting, Instant(600)));
    assert_eq!((attempt.model().index(), attempt.number(), switch), (0, 2, None));
    // The second failure in a row hands over to the next model, at once.
    let failed = route.failed(attempt, &CUT, false, Instant(700), 0);
    let (attempt, switch) = sent(failed.next);
    let (from, to) = (ModelIndex(0), ModelIndex(1));
    assert_eq!(switch, Some(Switch { from, to, because: CUT.kind }));
    assert_eq!(attempt.number(), 3);
    route.succeeded(attempt);
    assert_eq!(
        states(&route, Instant(701)),
        ["a: set aside for 30 s, because the answer stopped before its end", "b: well"]
    );
}

#[test]
fn a_long_wait_is_not_waited_while_another_model_is_well() {
    let mut route = route(&["a", "b"]);
    let (attempt, _) = sent(route.begin(Instant(0)));
    let failed = route.failed(attempt, &limited(20), false, Instant(0), 0);
    let (attempt, _) = sent(failed.next);
    assert_eq!(attempt.model().index(), 1);
    // When both ask us to wait, the first to allow it is asked then, and not before.
    let failed = route.failed(attempt, &limited(50), false, Instant(0), 0);
    let waiting = waits(failed.next);
    assert_eq!(waiting.until(), Instant(20_000));
    let (attempt, switch) = sent(route.resume(waiting, Instant(20_000)));
    assert_eq!(attempt.model().index(), 0);
    assert!(switch.is_some());
}

#[test]
fn a_wait_that_is_too_long_ends_the_exchange() {
    let mut route = route(&["a"]);
    let (attempt, _) = sent(route.begin(Instant(0)));
    let failed = route.failed(attempt, &limited(1_000_000_000), true, Instant(0), 0);
    let why = gives_up(failed.next);
    assert!(matches!(&why, GiveUp::TimeMax(error) if error.kind == ModelErrorKind::RateLimited));
    assert_eq!(failed.earlier, Earlier::MarkIncomplete);
    // What the provider asked for holds for the next exchange as well.
    let until = Instant(3_600_000);
    assert_eq!(gives_up(route.begin(Instant(1))), GiveUp::NoneWell { until });
    let (attempt, _) = sent(route.begin(until));
    route.succeeded(attempt);
    assert_eq!(states(&route, until), ["a: well"]);
}

#[test]
fn what_another_try_cannot_mend_ends_at_once() {
    for kind in
        [ModelErrorKind::ContextTooLong, ModelErrorKind::Refused, ModelErrorKind::BadRequest]
    {
        let mut route = route(&["a", "b"]);
        let (attempt, _) = sent(route.begin(Instant(0)));
        let error = ModelError::new(kind);
        let failed = route.failed(attempt, &error, false, Instant(1), 7);
        assert_eq!(gives_up(failed.next), GiveUp::Error(error));
        assert_eq!(states(&route, Instant(1)), ["a: well", "b: well"]);
    }
}

#[test]
fn a_wrong_key_is_not_tried_twice() {
    let mut route = route(&["a", "b"]);
    let (attempt, _) = sent(route.begin(Instant(0)));
    let (attempt, _) = sent(route.failed(attempt, &WRONG_KEY, false, Instant(1), 7).next);
    let failed = route.failed(attempt, &WRONG_KEY, false, Instant(2), 7);
    assert_eq!(gives_up(failed.next), GiveUp::Error(WRONG_KEY));
}

#[test]
fn a_single_model_is_asked_as_often_as_is_allowed_and_no_more() {
    let mut route = route(&["a"]);
    let mut now = Instant(0);
    let (mut attempt, _) = sent(route.begin(now));
    for _ in 1..RoutePolicy::default().attempts_max {
        let waiting = waits(route.failed(attempt, &OVERLOADED, false, now, u64::MAX).next);
        assert!(waiting.until() > now);
        now = waiting.until();
        attempt = sent(route.resume(waiting, now)).0;
    }
    let failed = route.failed(attempt, &OVERLOADED, false, now, u64::MAX);
    assert_eq!(gives_up(failed.next), GiveUp::AttemptsMax(OVERLOADED));
    // A person who writes again is not made to wait for our own caution.
    assert!(matches!(route.begin(now), Next::Send { .. }));
}

#[test]
fn a_part_that_was_shown_is_withdrawn_before_the_next_try() {
    let mut route = route(&["a", "b"]);
    let (attempt, _) = sent(route.begin(Instant(0)));
    route.answering(&attempt);
    let failed = route.failed(attempt, &CUT, true, Instant(100), 0);
    assert_eq!(failed.earlier, Earlier::Withdraw);
    let (attempt, _) = sent(route.resume(waits(failed.next), Instant(100)));
    let failed = route.failed(attempt, &CUT, true, Instant(200), 0);
    assert_eq!(failed.earlier, Earlier::Withdraw);
    let (attempt, _) = sent(failed.next);
    let refused = ModelError::new(ModelErrorKind::Refused);
    let failed = route.failed(attempt, &refused, true, Instant(300), 0);
    assert_eq!(failed.earlier, Earlier::MarkIncomplete);
}

/// The circuit breaker: while one exchange tries a model whose time is over, others go on with the
/// next; the try decides for all.
#[test]
fn a_model_set_aside_is_tried_again_by_one() {
    let mut route = route(&["a", "b"]);
    let (attempt, _) = sent(route.begin(Instant(0)));
    let (attempt, _) = sent(route.failed(attempt, &limited(10), false, Instant(0), 0).next);
    route.succeeded(attempt);
    let (other, _) = sent(route.begin(Instant(29_999)));
    assert_eq!(other.model().index(), 1);
    let (probe, _) = sent(route.begin(Instant(30_000)));
    assert_eq!(probe.model().index(), 0);
    let (beside, _) = sent(route.begin(Instant(30_000)));
    assert_eq!(beside.model().index(), 1);
    assert_eq!(
        states(&route, Instant(30_000))[0],
        "a: being tried again, after the model's provider limits the rate of requests"
    );
    // It fails: longer aside than before. An old success does not change that.
    let (next, _) = sent(route.failed(probe, &OVERLOADED, false, Instant(31_000), 0).next);
    assert_eq!(next.model().index(), 1);
    assert_eq!(sent(route.begin(Instant(90_999))).0.model().index(), 1);
    let (probe, _) = sent(route.begin(Instant(91_000)));
    assert_eq!(probe.model().index(), 0);
    // The first piece of an answer is enough.
    route.answering(&probe);
    assert_eq!(states(&route, Instant(91_000)), ["a: well", "b: well"]);
    assert_eq!(sent(route.begin(Instant(91_000))).0.model().index(), 0);
}

/// While the preferred model is set aside, or left alone because its provider asks for that, each
/// exchange that begins with another one says so; none that begins with the preferred one does.
#[test]
fn a_model_that_is_passed_over_is_named() {
    let passed = |route: &mut Route, now| {
        let (attempt, switch) = sent(route.begin(now));
        assert_eq!(switch, None, "nothing failed in this exchange");
        let passed = route.passed_over(&attempt);
        route.abandoned(attempt);
        passed.map(|switch| (switch.from.index(), switch.to.index(), switch.because))
    };
    let mut route = route(&["a", "b", "c"]);
    let (attempt, _) = sent(route.begin(Instant(0)));
    assert_eq!(route.passed_over(&attempt), None);
    let (next, switch) = sent(route.failed(attempt, &WRONG_KEY, false, Instant(0), 0).next);
    assert!(switch.is_some() && route.passed_over(&next).is_none(), "it is recorded once");
    let because = ModelErrorKind::Authentication;
    assert_eq!(passed(&mut route, Instant(1)), Some((0, 1, because)));
    let (last, _) = sent(route.failed(next, &limited(10), false, Instant(2), 0).next);
    route.succeeded(last);
    assert_eq!(passed(&mut route, Instant(3)), Some((0, 2, because)), "the preferred one");
    assert_eq!(passed(&mut route, Instant(600_000)), None, "it is tried again");
    // A provider that asks for a while is no failure yet, and is left alone all the same.
    let mut route = self::route(&["a", "b"]);
    let (attempt, _) = sent(route.begin(Instant(0)));
    let waiting = waits(route.failed(attempt, &limited(2), false, Instant(0), 0).next);
    assert_eq!(passed(&mut route, Instant(1)), Some((0, 1, ModelErrorKind::RateLimited)));
    assert_eq!(passed(&mut route, waiting.until()), None);
}

#[test]
fn a_try_that_is_given_up_or_lost_frees_the_model() {
    let mut route = route(&["a", "b"]);
    let (attempt, _) = sent(route.begin(Instant(0)));
    let _ = route.failed(attempt, &WRONG_KEY, false, Instant(0), 0);
    let cool = Instant(600_000);
    let (probe, _) = sent(route.begin(cool));
    route.abandoned(probe);
    let (probe, _) = sent(route.begin(cool));
    assert_eq!(probe.model().index(), 0);
    drop(probe);
    let lost = cool.after(RoutePolicy::default().probe_time_max);
    assert_eq!(sent(route.begin(Instant(lost.0 - 1))).0.model().index(), 1);
    assert_eq!(sent(route.begin(lost)).0.model().index(), 0);
}

/// A request that was under way when the model was set aside proves nothing by succeeding, and does
/// not count as another failure.
#[test]
fn late_news_of_a_model_set_aside_changes_nothing() {
    let mut route = route(&["a", "b"]);
    let (first, _) = sent(route.begin(Instant(0)));
    let (second, _) = sent(route.begin(Instant(0)));
    let (third, _) = sent(route.begin(Instant(0)));
    let _ = route.failed(first, &WRONG_KEY, false, Instant(0), 0);
    let before = states(&route, Instant(0));
    route.succeeded(second);
    let _ = route.failed(third, &WRONG_KEY, false, Instant(0), 0);
    assert_eq!(states(&route, Instant(0)), before);
}

#[test]
fn an_exchange_keeps_to_the_models_it_was_given() {
    let mut route = route(&["a", "b", "c"]);
    let [a, b, c] = ["a", "b", "c"].map(|name| route.find(name).unwrap());
    assert_eq!(route.find("d"), None);
    let (attempt, _) = sent(route.begin_among(&[c, a, c], Instant(0)));
    assert_eq!(attempt.model(), c);
    let (attempt, switch) = sent(route.failed(attempt, &WRONG_KEY, false, Instant(1), 0).next);
    assert_eq!((attempt.model(), switch.unwrap().from), (a, c));
    // b is well, but not for this exchange.
    let failed = route.failed(attempt, &WRONG_KEY, false, Instant(2), 0);
    assert_eq!(gives_up(failed.next), GiveUp::Error(WRONG_KEY));
    assert_eq!(sent(route.begin(Instant(3))).0.model(), b);
    assert_eq!(gives_up(route.begin_among(&[], Instant(3))), GiveUp::NoModel);
    assert_eq!(gives_up(route.begin_among(&[ModelIndex(3)], Instant(3))), GiveUp::NoModel);
}

#[test]
fn chains_are_bounded() {
    let policy = RoutePolicy::default();
    assert_eq!(Route::new(Vec::new(), policy).unwrap_err(), RouteError::Empty);
    let names = |count| (0..count).map(|index| format!("m{index}")).collect::<Vec<_>>();
    assert!(Route::new(names(MODEL_CHAIN_COUNT_MAX), policy).is_ok());
    let long = names(MODEL_CHAIN_COUNT_MAX + 1);
    assert_eq!(Route::new(long, policy).unwrap_err(), RouteError::TooLong);
}

/// Many exchanges at once over random chains, with random errors and a clock that jumps ahead:
/// what the module promises holds after every step, and the same inputs give the same steps.
#[test]
fn whatever_happens_the_promises_hold() {
    arbtest(|u| {
        let count = u.int_in_range(1..=5_usize)?;
        let names: Vec<String> = (0..count).map(|index| format!("m{index}")).collect();
        let policy = RoutePolicy {
            attempts_max: u.int_in_range(1..=8)?,
            attempts_per_model: u.int_in_range(1..=3)?,
            ..RoutePolicy::default()
        };
        let mut world = World::new(names, policy);
        for _ in 0..200 {
            if u.is_empty() {
                break;
            }
            world.step(u)?;
        }
        Ok(())
    })
    .budget_ms(1500);
}

/// An independent account of what the route may do.
struct World {
    route: Route,
    twin: Route,
    policy: RoutePolicy,
    now: Instant,
    running: Vec<(Attempt, Attempt, Account)>,
    waiting: Vec<(Waiting, Waiting, Account)>,
    /// Until when a provider asked us to leave its model alone.
    asked: BTreeMap<usize, Instant>,
}

#[derive(Clone)]
struct Account {
    began: Instant,
    requests: u32,
    last_model: Option<usize>,
    last_failure: Option<ModelErrorKind>,
}

impl World {
    fn new(names: Vec<String>, policy: RoutePolicy) -> Self {
        let route = Route::new(names, policy).unwrap();
        Self {
            twin: route.clone(),
            route,
            policy,
            now: Instant(0),
            running: Vec::new(),
            waiting: Vec::new(),
            asked: BTreeMap::new(),
        }
    }

    fn step(&mut self, u: &mut arbitrary::Unstructured<'_>) -> arbitrary::Result<()> {
        self.now = self.now.after(Duration::from_millis(u.int_in_range(0..=40_000)?));
        let now = self.now;
        let well = self.well();
        match u.int_in_range(0..=5)? {
            0 => {
                let account =
                    Account { began: now, requests: 0, last_model: None, last_failure: None };
                let mut models = Vec::new();
                for _ in 0..u.int_in_range(0..=4)? {
                    models.push(ModelIndex(u.int_in_range(0..=6)?));
                }
                let (next, twin) = match models.as_slice() {
                    [] => (self.route.begin(now), self.twin.begin(now)),
                    some => (self.route.begin_among(some, now), self.twin.begin_among(some, now)),
                };
                if let Next::Send { attempt, .. } = &next {
                    let candidates = &attempt.exchange.candidates;
                    assert!(models.is_empty() || candidates.iter().all(|one| models.contains(one)));
                }
                self.take(next, twin, account, &well);
            }
            1 | 2 if !self.waiting.is_empty() => {
                let (waiting, twin, account) =
                    self.waiting.swap_remove(u.choose_index(self.waiting.len())?);
                let (next, twin) = (self.route.resume(waiting, now), self.twin.resume(twin, now));
                self.take(next, twin, account, &well);
            }
            3 if !self.running.is_empty() => {
                let (attempt, twin, _) =
                    self.running.swap_remove(u.choose_index(self.running.len())?);
                if u.arbitrary()? {
                    self.route.succeeded(attempt);
                    self.twin.succeeded(twin);
                } else {
                    self.route.abandoned(attempt);
                    self.twin.abandoned(twin);
                }
            }
            _ if !self.running.is_empty() => {
                let (attempt, twin, account) =
                    self.running.swap_remove(u.choose_index(self.running.len())?);
                self.fail(u, attempt, twin, account)?;
            }
            _ => {}
        }
        assert!(self.route.status(now).eq(self.twin.status(now)));
        Ok(())
    }

    fn fail(
        &mut self,
        u: &mut arbitrary::Unstructured<'_>,
        attempt: Attempt,
        twin: Attempt,
        mut account: Account,
    ) -> arbitrary::Result<()> {
        let now = self.now;
        let error = error(u)?;
        let (shown, entropy): (bool, u64) = (u.arbitrary()?, u.arbitrary()?);
        let model = attempt.model().index();
        account.last_failure = Some(error.kind);
        let failed = self.route.failed(attempt, &error, shown, now, entropy);
        let twin = self.twin.failed(twin, &error, shown, now, entropy);
        assert_eq!(failed, twin);
        let is_final = !error.is_retryable() && !error.is_switchable();
        if let Some(wait) = error.retry_after.filter(|_| !is_final) {
            let until = self.asked.entry(model).or_default();
            *until = (*until).max(now.after(wait));
        }
        let gives_up = matches!(failed.next, Next::GiveUp(_));
        assert_eq!(failed.earlier == Earlier::Nothing, !shown);
        assert_eq!(failed.earlier == Earlier::MarkIncomplete, shown && gives_up);
        if is_final {
            assert!(gives_up, "{error} is not tried again");
        }
        if let Next::Wait(waiting) = &failed.next {
            let longest = error.retry_after.unwrap_or_default() + self.policy.backoff_max;
            let latest = self.asked.values().copied().max().unwrap_or_default().after(longest);
            assert!(waiting.until() <= now.after(longest).max(latest));
            assert!(waiting.until() >= now, "a deadline never runs back");
        }
        let well = self.well();
        self.take(failed.next, twin.next, account, &well);
        Ok(())
    }

    fn take(&mut self, next: Next, twin: Next, mut account: Account, well: &[usize]) {
        assert_eq!(next, twin);
        let deadline = account.began.after(self.policy.time_max);
        match (next, twin) {
            (Next::Send { attempt, switch }, Next::Send { attempt: twin, .. }) => {
                let model = attempt.model().index();
                account.requests += 1;
                assert_eq!(attempt.number(), account.requests);
                assert!(account.requests <= self.policy.attempts_max);
                assert!(self.now <= deadline);
                let is_probe = attempt.ticket.is_some();
                // The places in the order of preference of this exchange.
                let place = |model: usize| {
                    let models = &attempt.exchange.candidates;
                    models.iter().position(|other| other.index() == model)
                };
                let well: Vec<_> = well.iter().filter_map(|other| place(*other)).collect();
                assert!(place(model).is_some(), "asked a model that may not be asked");
                assert!(
                    !is_probe || !well.iter().any(|other| Some(*other) < place(model)),
                    "asked a model on trial while a better one is well"
                );
                // A model that is asked was well, or its time was over, or nobody else was well.
                assert!(
                    !is_probe || well.is_empty() || self.was_cool(model),
                    "asked a model set aside while another is well"
                );
                if let Some(until) = self.asked.get(&model) {
                    assert!(*until <= self.now, "a provider's wish was not kept");
                }
                let changed = account.last_model.is_some_and(|last| last != model);
                assert_eq!(switch.is_some(), changed);
                if let Some(switch) = switch {
                    assert_eq!(Some(switch.from.index()), account.last_model);
                    assert_eq!(Some(switch.because), account.last_failure);
                }
                account.last_model = Some(model);
                let probes = self.running.iter().filter(|(other, ..)| {
                    other.ticket.is_some() && other.model() == attempt.model()
                });
                let holders = probes.filter(|(other, ..)| self.holds(other)).count();
                assert!(holders == 0 || !is_probe, "two tries at once");
                self.running.push((attempt, twin, account));
            }
            (Next::Wait(waiting), Next::Wait(twin)) => {
                assert!(waiting.until() <= deadline);
                self.waiting.push((waiting, twin, account));
            }
            (Next::GiveUp(_), _) => {}
            (next, twin) => panic!("{next:?} is not {twin:?}"),
        }
    }

    /// The models that may be asked by anybody: not set aside, and nobody asked to wait.
    fn well(&self) -> Vec<usize> {
        let states = self.route.status(self.now).map(|status| status.state);
        let well = states.enumerate().filter(|(_, state)| *state == ModelState::Well);
        let is_free = |at: &usize| self.asked.get(at).is_none_or(|until| *until <= self.now);
        well.map(|(at, _)| at).filter(is_free).collect()
    }

    /// Whether the model's cooling time had ended before it was asked just now.
    fn was_cool(&self, model: usize) -> bool {
        self.route.health[model].cool_at() <= self.now
    }

    fn holds(&self, attempt: &Attempt) -> bool {
        let mut health = self.route.health[attempt.model().index()].clone();
        health.answered(attempt.ticket);
        let was_well = self.route.health[attempt.model().index()].is_well();
        !was_well && health.is_well()
    }
}

fn error(u: &mut arbitrary::Unstructured<'_>) -> arbitrary::Result<ModelError> {
    let kind = *u.choose(&[
        ModelErrorKind::RateLimited,
        ModelErrorKind::QuotaExhausted,
        ModelErrorKind::Overloaded,
        ModelErrorKind::Authentication,
        ModelErrorKind::ContextTooLong,
        ModelErrorKind::Refused,
        ModelErrorKind::Transport(TransportKind::Cut),
        ModelErrorKind::Transport(TransportKind::Tls),
        ModelErrorKind::ServerError,
    ])?;
    let asked = match u.int_in_range(0..=3)? {
        0 => Some(Duration::from_secs(u.int_in_range(0..=100)?)),
        _ => None,
    };
    Ok(ModelError::new(kind).with_retry_after(asked))
}
