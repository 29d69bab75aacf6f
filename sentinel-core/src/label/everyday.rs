//! Words that stand in most requests, whatever they are about.
//!
//! A stranger can guess that a person will use them, so they call nothing by its name
//! ([`records`](super::records)). English ones; of other languages none is known.

/// Whether a word, in small letters, is one of them, or too short to be telling in most languages.
pub(super) fn is_everyday(word: &[u8]) -> bool {
    word.len() < WORD_BYTES_MIN
        || EVERYDAY.binary_search_by(|known| known.as_bytes().cmp(word)).is_ok()
}

/// Shorter words join others.
const WORD_BYTES_MIN: usize = 4;

/// In the order of their bytes.
#[rustfmt::skip]
static EVERYDAY: &[&str] = &[
    "able", "about", "above", "actually", "after", "afternoon", "again", "ahead", "almost",
    "already", "also", "although", "always", "among", "another", "answer", "anybody", "anyone",
    "anything", "anyway", "appointment", "around", "asked", "asking", "away", "back", "because",
    "been", "before", "began", "begin", "behind", "being", "below", "best", "better", "between",
    "book", "both", "bring", "brought", "busy", "calendar", "call", "called", "came", "cancel",
    "cannot", "case", "certain", "certainly", "change", "changed", "check", "checking", "clear",
    "close", "come", "comes", "coming", "contact", "copy", "could", "course", "create", "date",
    "days", "deal", "dear", "delete", "detail", "details", "different", "does", "doing", "done",
    "down", "during", "each", "earlier", "early", "easy", "either", "else", "email", "empty",
    "enough", "entire", "even", "evening", "event", "events", "ever", "every", "everybody",
    "everyone", "everything", "exactly", "example", "fact", "feel", "file", "files", "find",
    "fine", "first", "folder", "folders", "follow", "following", "forward", "found", "free",
    "friday", "from", "full", "further", "gave", "general", "give", "given", "gives", "glad",
    "goes", "going", "gone", "good", "great", "group", "half", "hand", "happen", "happy",
    "have", "having", "hear", "heard", "hello", "help", "here", "hers", "high", "hold", "home",
    "hope", "hour", "hours", "however", "idea", "important", "inbox", "instead", "into",
    "invitation", "invite", "item", "items", "itself", "just", "keep", "kind", "knew", "know",
    "known", "large", "last", "late", "later", "latest", "least", "leave", "left", "less",
    "lets", "letter", "like", "likely", "line", "link", "list", "little", "live", "long",
    "longer", "look", "looked", "looking", "lost", "lots", "made", "mail", "main", "make",
    "makes", "making", "many", "matter", "maybe", "mean", "means", "meant", "meet", "meeting",
    "meetings", "message", "messages", "middle", "might", "mind", "mine", "minute", "minutes",
    "monday", "month", "months", "more", "morning", "most", "move", "much", "must", "myself",
    "name", "names", "near", "need", "needed", "needs", "never", "next", "nice", "night",
    "nobody", "none", "noon", "note", "notes", "nothing", "number", "numbers", "often", "okay",
    "once", "only", "onto", "open", "order", "other", "others", "ours", "over", "page", "pages",
    "part", "past", "people", "perhaps", "person", "phone", "place", "plan", "please", "point",
    "possible", "post", "probably", "problem", "question", "questions", "quick", "quickly",
    "quite", "rather", "read", "reading", "ready", "real", "really", "reason", "received",
    "recent", "regards", "remember", "remind", "reminder", "remove", "reply", "report", "rest",
    "result", "results", "right", "room", "said", "same", "saturday", "save", "says",
    "schedule", "search", "second", "seen", "self", "send", "sends", "sent", "several", "shall",
    "share", "short", "should", "show", "shown", "side", "since", "small", "some", "somebody",
    "someone", "something", "sometimes", "soon", "sorry", "sort", "start", "started", "still",
    "stop", "such", "summary", "sunday", "sure", "take", "taken", "takes", "talk", "task",
    "tasks", "tell", "text", "than", "thank", "thanks", "that", "their", "them", "then",
    "there", "these", "they", "thing", "things", "think", "this", "those", "though", "thought",
    "three", "through", "thursday", "time", "times", "title", "today", "together", "told",
    "tomorrow", "tonight", "took", "topic", "toward", "tried", "true", "tuesday", "turn",
    "twice", "type", "under", "until", "update", "upon", "urgent", "used", "user", "using",
    "usual", "usually", "very", "view", "wait", "want", "wanted", "wants", "wednesday", "week",
    "weekend", "weeks", "well", "went", "were", "what", "whatever", "when", "where", "whether",
    "which", "while", "whole", "whom", "whose", "will", "wish", "with", "within", "without",
    "word", "words", "work", "working", "world", "would", "write", "writing", "written",
    "wrong", "year", "years", "yesterday", "your", "yours", "yourself",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_found_in_their_order() {
        assert!(EVERYDAY.is_sorted() && EVERYDAY.iter().all(|word| is_everyday(word.as_bytes())));
        assert!(is_everyday(b"the") && !is_everyday(b"lunch"));
    }
}
