//! Nothing that can be done waits until something else happens.
//!
//! A program of one loop stands still when a part of it has something to do and the loop does
//! not know. It is woken by the next thing that comes, so that nobody notices, most of the time.
//! Here nothing else comes: the platform holds its poll for longer than a test waits, so that
//! whatever is left undone stays undone. Pauses and the order of things are drawn from seeds.

use std::time::Duration;

use sentinel_core::journal::Verdict;

use super::house::{House, PEOPLE, comes, end, last_words};
use super::kills::next;
use super::model;

#[test]
fn what_can_be_done_is_done_without_another_reason() {
    for seed in 1..=SEEDS {
        let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let pause = Duration::from_micros(next(&mut random) % 3000);
        let house = House::new("wake", pause);
        house.platform.hold(Duration::from_secs(50));
        let child = house.start();
        let mut jobs = Vec::new();
        for job in 1..=6 {
            let chat = PEOPLE[next(&mut random) as usize % PEOPLE.len()];
            house.platform.write(chat, &house.model.wish(job, false));
            jobs.push((chat, job));
            std::thread::sleep(Duration::from_micros(next(&mut random) % 30_000));
        }
        let is_done = comes(Duration::from_secs(45), || {
            jobs.iter().all(|(chat, job)| house.answers(*chat, *job) == 1)
        });
        if !is_done {
            let chats = PEOPLE.map(|chat| (chat, house.platform.messages(chat)));
            panic!("seed {seed}: it stands still at {chats:#?}: {}", last_words(child));
        }
        end(child);
        for (_, job) in jobs {
            assert_eq!(house.file(job), Some(model::file(job).1), "seed {seed}");
        }
        assert_eq!(house.verdict(), Verdict::Ok, "seed {seed}");
    }
}

const SEEDS: u64 = 8;
