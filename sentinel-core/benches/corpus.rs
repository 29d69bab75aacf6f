//! The documents that the benchmarks read: generated, with the shapes of well-known ones.
//!
//! The public JSON corpora (`twitter.json`, `citm_catalog.json`, `canada.json`) are not on
//! crates.io and are not ours to vendor. Each generator below keeps what makes its model's speed:
//! size, white space, how long keys and strings are, how many members an object has, the share of
//! text that is not ASCII, how often an escape occurs, how many digits a number has.

/// Numbers without meaning, the same in every run: xorshift64*.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub(crate) fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

/// Text with the indentation of a pretty-printer.
struct Pretty {
    text: String,
    indent: &'static str,
    depth: usize,
    is_first: bool,
}

impl Pretty {
    fn new(indent: &'static str) -> Self {
        Self { text: String::new(), indent, depth: 0, is_first: true }
    }

    fn line(&mut self) {
        if !self.is_first {
            self.text.push(',');
        }
        self.is_first = false;
        self.break_line();
    }

    fn break_line(&mut self) {
        self.text.push('\n');
        for _ in 0..self.depth {
            self.text.push_str(self.indent);
        }
    }

    /// A member with a value that is JSON already.
    fn member(&mut self, key: &str, json: &str) {
        self.line();
        self.text.push_str(&format!("\"{key}\": {json}"));
    }

    fn element(&mut self, json: &str) {
        self.line();
        self.text.push_str(json);
    }

    fn container(&mut self, key: &str, brackets: [char; 2], body: impl FnOnce(&mut Self)) {
        if self.depth > 0 {
            self.line();
        }
        if !key.is_empty() {
            self.text.push_str(&format!("\"{key}\": "));
        }
        self.text.push(brackets[0]);
        self.depth += 1;
        self.is_first = true;
        body(self);
        self.depth -= 1;
        if !self.is_first {
            self.break_line();
        }
        self.is_first = false;
        self.text.push(brackets[1]);
    }

    fn object(&mut self, key: &str, body: impl FnOnce(&mut Self)) {
        self.container(key, ['{', '}'], body);
    }

    fn array(&mut self, key: &str, body: impl FnOnce(&mut Self)) {
        self.container(key, ['[', ']'], body);
    }
}

const JAPANESE: [&str; 8] = [
    "名前",
    "前田あゆみ",
    "第一印象",
    "なんか怖っ",
    "今の印象",
    "とりあえずキモい",
    "好きなところ",
    "ありがとう",
];
const ENGLISH: [&str; 8] =
    ["hello", "search", "twitter", "for", "a", "moment", "official account", "news"];

fn tweet_text(random: &mut Random) -> String {
    let mut text = format!("\"@user{}", random.below(9999));
    for _ in 0..4 + random.below(10) {
        let word =
            if random.below(10) < 7 { random.pick(&JAPANESE) } else { random.pick(&ENGLISH) };
        text.push_str(if random.below(5) == 0 { "\\n\\n" } else { " " });
        text.push_str(word);
    }
    text.push('"');
    text
}

/// The shape of `twitter.json`: many long strings, much of it Japanese, objects of forty members.
pub(crate) fn twitter() -> String {
    let mut random = Random::new(0x7717);
    let mut out = Pretty::new("  ");
    out.object("", |out| {
        out.array("statuses", |out| {
            for _ in 0..100 {
                status(out, &mut random, true);
            }
        });
        out.object("search_metadata", |out| {
            out.member("completed_in", "0.087");
            out.member("max_id", "505874924095815700");
            out.member("query", "\"%E4%B8%80\"");
            out.member("count", "100");
        });
    });
    out.text
}

fn status(out: &mut Pretty, random: &mut Random, with_retweet: bool) {
    let id = 505_874_000_000_000_000 + random.next() % 999_999_999_999;
    out.object(if with_retweet { "" } else { "retweeted_status" }, |out| {
        out.object("metadata", |out| {
            out.member("result_type", "\"recent\"");
            out.member("iso_language_code", "\"ja\"");
        });
        out.member("created_at", "\"Sun Aug 31 00:29:15 +0000 2014\"");
        out.member("id", &id.to_string());
        out.member("id_str", &format!("\"{id}\""));
        let text = tweet_text(random);
        out.member("text", &text);
        out.member(
            "source",
            r#""<a href=\"https://mobile.example.com/android\" rel=\"nofollow\">a client</a>""#,
        );
        out.member("truncated", "false");
        for key in ["in_reply_to_status_id", "in_reply_to_status_id_str", "in_reply_to_user_id"] {
            out.member(key, "null");
        }
        out.member("in_reply_to_screen_name", "\"aym0566x\"");
        user(out, random);
        for key in ["geo", "coordinates", "place", "contributors"] {
            out.member(key, "null");
        }
        if with_retweet && random.below(2) == 0 {
            status(out, random, false);
        }
        out.member("retweet_count", &random.below(500).to_string());
        out.member("favorite_count", &random.below(50).to_string());
        out.object("entities", |out| {
            out.array("hashtags", |_| {});
            out.array("symbols", |_| {});
            out.array("urls", |_| {});
            out.array("user_mentions", |out| {
                out.object("", |out| {
                    out.member("screen_name", "\"aym0566x\"");
                    out.member("name", "\"前田あゆみ\"");
                    out.member("id", "866260188");
                    out.member("id_str", "\"866260188\"");
                    out.array("indices", |out| {
                        out.element("0");
                        out.element("9");
                    });
                });
            });
        });
        out.member("favorited", "false");
        out.member("retweeted", "false");
        out.member("lang", "\"ja\"");
    });
}

fn user(out: &mut Pretty, random: &mut Random) {
    let id = random.next() % 9_999_999_999;
    out.object("user", |out| {
        out.member("id", &id.to_string());
        out.member("id_str", &format!("\"{id}\""));
        out.member("name", "\"AYUMI\"");
        out.member("screen_name", "\"ayuu0123\"");
        out.member("location", "\"\"");
        let description = tweet_text(random);
        out.member("description", &description);
        out.member("url", "null");
        out.object("entities", |out| {
            out.object("description", |out| out.array("urls", |_| {}));
        });
        out.member("protected", "false");
        for key in ["followers_count", "friends_count", "listed_count", "favourites_count"] {
            out.member(key, &random.below(99_999).to_string());
        }
        out.member("created_at", "\"Wed Jan 11 07:48:20 +0000 2012\"");
        out.member("utc_offset", "32400");
        out.member("time_zone", "\"Tokyo\"");
        out.member("statuses_count", "1234");
        out.member("lang", "\"ja\"");
        for key in ["geo_enabled", "verified", "contributors_enabled", "is_translator"] {
            out.member(key, "false");
        }
        out.member("profile_background_color", "\"C0DEED\"");
        let image = format!("\"https://images.example.com/profile/{id}/pic_normal.jpeg\"");
        for key in [
            "profile_background_image_url",
            "profile_background_image_url_https",
            "profile_image_url",
            "profile_image_url_https",
            "profile_banner_url",
        ] {
            out.member(key, &image);
        }
        for key in ["profile_link_color", "profile_sidebar_border_color", "profile_text_color"] {
            out.member(key, "\"0084B4\"");
        }
        for key in ["profile_use_background_image", "default_profile", "default_profile_image"] {
            out.member(key, "true");
        }
        for key in ["following", "follow_request_sent", "notifications"] {
            out.member(key, "false");
        }
    });
}

/// The shape of `citm_catalog.json`: deep indentation, short keys, many small integers.
pub(crate) fn citm() -> String {
    let mut random = Random::new(0xc174);
    let id = |random: &mut Random| 100_000_000 + random.below(899_999_999);
    let mut out = Pretty::new("    ");
    out.object("", |out| {
        out.object("areaNames", |out| {
            for area in 0..17 {
                out.member(&(205_705_993 + area).to_string(), "\"Arrière-scène central\"");
            }
        });
        out.object("events", |out| {
            for event in 0..184 {
                let event = 138_586_341 + event * 1000;
                out.object(&event.to_string(), |out| {
                    out.member("description", "null");
                    out.member("id", &event.to_string());
                    out.member("logo", "\"/images/UE0AAAAACEKo6QAAAAZDSVRN\"");
                    out.member("name", "\"30th Anniversary Tour, Orchestre National\"");
                    out.array("subTopicIds", |out| {
                        for _ in 0..2 {
                            out.element(&id(&mut random).to_string());
                        }
                    });
                    out.member("subjectCode", "null");
                    out.member("subtitle", "null");
                    out.array("topicIds", |out| {
                        for _ in 0..2 {
                            out.element(&id(&mut random).to_string());
                        }
                    });
                });
            }
        });
        out.array("performances", |out| {
            for _ in 0..243 {
                performance(out, &mut random, id);
            }
        });
    });
    out.text
}

fn performance(out: &mut Pretty, random: &mut Random, id: impl Fn(&mut Random) -> usize) {
    out.object("", |out| {
        out.member("eventId", &id(random).to_string());
        out.member("id", &id(random).to_string());
        out.member("logo", "null");
        out.member("name", "null");
        out.array("prices", |out| {
            for _ in 0..3 + random.below(3) {
                out.object("", |out| {
                    out.member("amount", &(random.below(900) * 100).to_string());
                    out.member("audienceSubCategoryId", "337100890");
                    out.member("seatCategoryId", &id(random).to_string());
                });
            }
        });
        out.array("seatCategories", |out| {
            for _ in 0..3 + random.below(3) {
                out.object("", |out| {
                    out.array("areas", |out| {
                        for _ in 0..6 + random.below(6) {
                            out.object("", |out| {
                                out.member("areaId", &id(random).to_string());
                                out.array("blockIds", |_| {});
                            });
                        }
                    });
                    out.member("seatCategoryId", &id(random).to_string());
                });
            }
        });
        out.member("seatMapImage", "null");
        out.member("start", &(1_372_701_600_000 + random.below(999_999_999)).to_string());
        out.member("venueCode", "\"PLEYEL_PLEYEL\"");
    });
}

/// The shape of `canada.json`: pairs of coordinates with fifteen to seventeen digits, no white
/// space.
pub(crate) fn canada() -> String {
    let mut random = Random::new(0xcada);
    let mut text = String::from(
        "{\"type\":\"FeatureCollection\",\"features\":[{\"type\":\"Feature\",\"properties\":\
         {\"name\":\"Canada\"},\"geometry\":{\"type\":\"Polygon\",\"coordinates\":[",
    );
    for ring in 0..480 {
        text.push_str(if ring == 0 { "[" } else { ",[" });
        for point in 0..40 + random.below(150) {
            let comma = if point == 0 { "" } else { "," };
            let west = 52 + random.below(89);
            let north = 41 + random.below(42);
            let fraction = |random: &mut Random| match random.below(4) {
                0 => format!("{:06}", random.below(1_000_000)),
                _ => {
                    format!("{:06}{:09}", random.below(1_000_000), 999_999_000 + random.below(1000))
                }
            };
            let (x, y) = (fraction(&mut random), fraction(&mut random));
            text.push_str(&format!("{comma}[-{west}.{x},{north}.{y}]"));
        }
        text.push(']');
    }
    text.push_str("]}}]}");
    text
}

/// A streamed reply of a model: one event for each token, as the OpenAI dialect sends them.
pub(crate) fn token_stream(events: usize) -> String {
    let mut random = Random::new(0x55e);
    let mut text = String::new();
    for _ in 0..events {
        let word = match random.below(12) {
            0 => random.pick(&JAPANESE),
            1 => "\\n\\n",
            _ => random.pick(&ENGLISH),
        };
        text.push_str(&format!(
            "data: {{\"id\":\"chatcmpl-9xk2mWq0Zs1Jv7\",\"object\":\"chat.completion.chunk\",\
             \"created\":1761993600,\"model\":\"a-model-2026-08-06\",\"system_fingerprint\":\
             \"fp_44709d6fcb\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\" {word}\"}},\
             \"logprobs\":null,\"finish_reason\":null}}]}}\n\n"
        ));
    }
    text.push_str("data: [DONE]\n\n");
    text
}

/// The same in the Anthropic dialect: a line that names the event before each line of data.
pub(crate) fn named_stream(events: usize) -> String {
    let mut random = Random::new(0xa47);
    let mut text = String::new();
    for _ in 0..events {
        let word = random.pick(&ENGLISH);
        text.push_str(&format!(
            "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\
             \"delta\":{{\"type\":\"text_delta\",\"text\":\" {word}\"}}}}\n\n"
        ));
    }
    text.push_str("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
    text
}
