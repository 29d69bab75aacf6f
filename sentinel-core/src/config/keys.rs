//! Every section and key there is.
//!
//! # Not here
//! What reads them: [`check`](super::check). Numbers without a reason of their own stand in
//! [`limits`](crate::limits).

use super::table::{Default, Form, Key, Kind, Presence, Section, key};
use crate::egress::{SECRET_FORMAT, SECRET_HEADER};
use crate::limits;

/// All sections, in the order in which they are shown.
pub(super) static SECTIONS: &[Section] = &[
    always("agent", "Who the agent is, and the bounds of a turn.", AGENT),
    Section {
        name: "anthropic",
        presence: Presence::Optional,
        doc: "A model of Anthropic.",
        keys: ANTHROPIC,
    },
    Section {
        name: "openai",
        presence: Presence::Optional,
        doc: "A model of OpenAI.",
        keys: OPENAI,
    },
    Section {
        name: "models",
        presence: Presence::Named,
        doc: "Any model: `[models.NAME]`, once for each. Names are yours to choose.",
        keys: MODEL,
    },
    Section {
        name: "telegram",
        presence: Presence::Optional,
        doc: "A bot of Telegram.",
        keys: TELEGRAM,
    },
    Section {
        name: "discord",
        presence: Presence::Optional,
        doc: "A bot of Discord.",
        keys: DISCORD,
    },
    Section {
        name: "slack",
        presence: Presence::Optional,
        doc: "An app of Slack: in Socket Mode with a token of the app, otherwise by asking the \
              rooms that are named again and again.",
        keys: SLACK,
    },
    always("terminal", "The chat in the terminal, whose user is an operator.", TERMINAL),
    always("security", "What the agent may do.", SECURITY),
    Section {
        name: "tool",
        presence: Presence::Named,
        doc: "What a tool does: `[tool.NAME]`. What is not said here stays as it is.",
        keys: TOOL,
    },
    always("skills", "Where skills are: programs of others that bring tools along.", SKILLS),
    Section {
        name: "skill",
        presence: Presence::Named,
        doc: "The token of an MCP server elsewhere: `[skill.NAME]`, by the name of the skill.",
        keys: SKILL,
    },
    always("sandbox", "What each command runs in, and how much of everything it may use.", SANDBOX),
    Section {
        name: "egress",
        presence: Presence::Optional,
        doc: "How commands and skills get out of their sandboxes.",
        keys: EGRESS,
    },
    Section {
        name: "secret",
        presence: Presence::Named,
        doc: "A secret that is added to what commands and skills send to one host, outside of \
              their sandboxes: `[secret.NAME]`. Records have its name. What they are let out to \
              they need a grant for all the same.",
        keys: SECRET,
    },
    always("budget", "What may be spent. Where several limits hold, all do.", BUDGET),
    always("http", "How the agent reaches the network.", HTTP),
    always("log", "What is said of what goes on.", LOG),
    always("metrics", "Figures for a monitor.", METRICS),
    always("state", "Where the journal is, and what seals it.", STATE),
];

const fn always(name: &'static str, doc: &'static str, keys: &'static [Key]) -> Section {
    Section { name, presence: Presence::Always, doc, keys }
}

const LINE: Kind = Kind::Text(Form::Line);
const PATH: Kind = Kind::Text(Form::Path);
const VARIABLE: Kind = Kind::Text(Form::Variable);
const CREDENTIAL: Kind = Kind::Text(Form::Credential);
const MONEY: Kind = Kind::Text(Form::Money);
const ENTRY_NAMES: Kind = Kind::Texts(Form::Line);
const COUNT: Kind = Kind::Integer { min: 1, max: i64::MAX };
const MEBIBYTES: Kind = Kind::Integer { min: 1, max: limits::SANDBOX_MEBIBYTES_MAX };
const PROCESSES: Kind = Kind::Integer { min: 1, max: limits::SANDBOX_PIDS_MAX };
const OPEN_FILES: Kind = Kind::Integer { min: 16, max: limits::SANDBOX_OPEN_FILES_MAX };
const PERCENTS: Kind = Kind::Integer { min: 1, max: limits::SANDBOX_PERCENT_MAX };
const SECONDS: Kind = Kind::Integer { min: 1, max: limits::CONFIG_SECONDS_MAX };

static AGENT: &[Key] = &[
    key("name", LINE, "What it is called.").or(Default::Text("sentinel")),
    key("instructions", Kind::Text(Form::Prose), "What every model is told first.")
        .or(Default::Text("You are a helpful agent. Answer briefly, and say what you did.")),
    key("instructions_file", PATH, "A file with the instructions, in place of `instructions`."),
    key(
        "persona_file",
        PATH,
        "A file that says who the agent is. It is told to models only \
         while it has the digest below; any change has to be approved.",
    ),
    key("persona_sha256", Kind::Text(Form::Digest), "The digest of the persona that was approved."),
    key("workspace", PATH, "The directory that paths of calls are relative to.")
        .or(Default::Follows("the current directory")),
    key("model", LINE, "The model that is asked first, by the name of its section.")
        .or(Default::Follows("the first that is described")),
    key(
        "models",
        ENTRY_NAMES,
        "The models that are asked after it, in this order, when one \
         fails.",
    )
    .or(Default::Follows("all that are described")),
    key(
        "rounds",
        Kind::Integer { min: 1, max: 1000 },
        "How often a model may call tools before \
         it has to answer.",
    )
    .or(Default::Integer(limits::TURN_ROUNDS as i64)),
    key("call_seconds", SECONDS, "How long one call of a tool may take.")
        .or(Default::Integer(limits::TURN_CALL_TIME.as_secs() as i64)),
    key("question_seconds", SECONDS, "How long a question waits for an answer, which is then no.")
        .or(Default::Integer(limits::TURN_QUESTION_TIME.as_secs() as i64)),
    key(
        "output_bytes",
        Kind::Integer { min: 256, max: limits::RUNTIME_OUTPUT_BYTES_MAX as i64 },
        "How much of a tool's output a model is shown.",
    )
    .or(Default::Integer(limits::TURN_OUTPUT_BYTES as i64)),
    key(
        "people_may_approve",
        Kind::Flag,
        "Whether people may answer the questions of their own \
         turns. Otherwise only operators may.",
    )
    .or(Default::Flag(false)),
    key(
        "snapshot_inputs",
        Kind::Integer { min: 1, max: 1_000_000_000 },
        "After how many inputs \
         a snapshot shortens the next start.",
    )
    .or(Default::Integer(limits::SNAPSHOT_INPUTS as i64)),
];

const MODEL_DOC: &str = "What the provider calls the model.";
const BASE_URL: Key = key(
    "base_url",
    Kind::Text(Form::Url),
    "Where the service is, in place of \
    the provider's own address.",
)
.or(Default::Follows("the address of the provider"))
.shell();
const API_KEY: Key = key("api_key", Kind::Secret("API_KEY"), "").shell();
const API_KEY_FILE: Key = key("api_key_file", PATH, "A file that holds the key.").shell();
const API_KEY_CREDENTIAL: Key =
    key("api_key_credential", CREDENTIAL, "The systemd credential that holds the key.").shell();
const REPLY_TOKENS: Key =
    key("reply_tokens", Kind::Integer { min: 1, max: 1_000_000 }, "The most tokens of an answer.")
        .or(Default::Integer(limits::CONFIG_REPLY_TOKENS));
const CONTEXT_TOKENS: Key = key(
    "context_tokens",
    Kind::Integer { min: 1024, max: 100_000_000 },
    "The most tokens of a conversation and its answer.",
)
.or(Default::Integer(limits::CONFIG_CONTEXT_TOKENS));
const THINKING: Key = key(
    "thinking",
    Kind::Text(Form::Choice(&["low", "medium", "high"])),
    "How hard the model thinks.",
)
.or(Default::Follows("the provider's own choice"));
const THINKING_TOKENS: Key = key(
    "thinking_tokens",
    Kind::Integer { min: 1, max: 1_000_000 },
    "How many tokens it may think with, in place of `thinking`.",
);
const PICTURES: Key = key(
    "pictures",
    Kind::Flag,
    "Whether the model is shown pictures that come with messages. It has to be one that reads \
     them.",
)
.or(Default::Flag(false));
const PRICES: Key = key(
    "prices",
    Kind::Table(PRICE),
    "What a million tokens cost, in your \
    currency, as text: `{ input = \"3.00\", output = \"15.00\" }`.",
);

static PRICE: &[Key] = &[
    key("input", MONEY, "Tokens that are read. It has to be said; `\"0.00\"` is for nothing."),
    key("output", MONEY, "Tokens that are written. It has to be said, too."),
    key("cache_read", MONEY, "Tokens read from the provider's cache.")
        .or(Default::Follows("`input`")),
    key("cache_write", MONEY, "Tokens put into the provider's cache.")
        .or(Default::Follows("`input`")),
];

static ANTHROPIC: &[Key] = &[
    key("model", LINE, MODEL_DOC).or(Default::Text("claude-sonnet-4-5")),
    BASE_URL,
    key("api_key_env", VARIABLE, "The variable of the environment that holds the key.")
        .shell()
        .or(Default::Follows("`ANTHROPIC_API_KEY`")),
    API_KEY_FILE,
    API_KEY_CREDENTIAL,
    REPLY_TOKENS,
    CONTEXT_TOKENS,
    THINKING,
    THINKING_TOKENS,
    PICTURES,
    PRICES,
    key("api_key", Kind::Secret("ANTHROPIC_API_KEY"), "").shell(),
];

static OPENAI: &[Key] = &[
    key("model", LINE, MODEL_DOC).or(Default::Text("gpt-5-mini")),
    BASE_URL,
    key("api_key_env", VARIABLE, "The variable of the environment that holds the key.")
        .shell()
        .or(Default::Follows("`OPENAI_API_KEY`")),
    API_KEY_FILE,
    API_KEY_CREDENTIAL,
    REPLY_TOKENS,
    CONTEXT_TOKENS,
    THINKING,
    THINKING_TOKENS,
    PICTURES,
    PRICES,
    key("api_key", Kind::Secret("OPENAI_API_KEY"), "").shell(),
];

static MODEL: &[Key] = &[
    key(
        "provider",
        Kind::Text(Form::Choice(super::provider::NAMES)),
        "Who answers. `offline` is \
         built in and no real model; `compatible` is any service with OpenAI's interface.",
    ),
    key("model", LINE, MODEL_DOC).or(Default::Follows("the name of the section")),
    BASE_URL,
    key("api_key_env", VARIABLE, "The variable of the environment that holds the key.")
        .shell()
        .or(Default::Follows("the provider's usual one, such as `GROQ_API_KEY`")),
    API_KEY_FILE,
    API_KEY_CREDENTIAL,
    REPLY_TOKENS,
    CONTEXT_TOKENS,
    THINKING,
    THINKING_TOKENS,
    PICTURES,
    PRICES,
    API_KEY,
];

const TOKEN_FILE: Key = key("token_file", PATH, "A file that holds the bot's token.").shell();
const TOKEN_CREDENTIAL: Key =
    key("token_credential", CREDENTIAL, "The systemd credential that holds the token.").shell();
const ALLOWED_USERS: Key = key(
    "allowed_users",
    Kind::Texts(Form::Id),
    "The ids of those who may \
    talk to the agent. Nobody else may.",
)
.or(Default::Follows("nobody"));
const OPERATORS: Key = key(
    "operators",
    Kind::Texts(Form::Id),
    "The ids of those who may talk, \
    approve, and change what the agent may do.",
)
.or(Default::Follows("nobody"));
const ROOMS: Key = key(
    "rooms",
    Kind::Map(&Kind::Text(Form::Choice(&["people", "everybody"]))),
    "The rooms it listens in, by id: to `people` who may talk anyway, or to `everybody` there. \
     Whoever is in a room reads what is answered in it.",
);
const PAIRING: Key = key(
    "pairing",
    Kind::Flag,
    "Whether strangers are given a code that an \
    operator can approve.",
)
.or(Default::Flag(false));
const STREAM: Key = key("stream", Kind::Flag, "Whether an answer is shown while it grows.")
    .or(Default::Flag(true))
    .shell();
const ATTACHMENTS: Key = key(
    "attachment_bytes_max",
    Kind::Integer { min: 0, max: 1 << 30 },
    "The largest attachment that is taken in; 0 for none.",
)
.or(Default::Integer(limits::CONFIG_ATTACHMENT_BYTES));

const PLATFORM_URL: Key = key(
    "base_url",
    Kind::Text(Form::Url),
    "Where the platform's interface is, in place of its own address: a gateway of yours that \
     speaks the same, such as a Bot API server of Telegram's, or a server for tests.",
)
.or(Default::Follows("the address of the platform"))
.shell();

static TELEGRAM: &[Key] = &[
    key("token_env", VARIABLE, "The variable of the environment that holds the bot's token.")
        .shell()
        .or(Default::Follows("`TELEGRAM_BOT_TOKEN`")),
    TOKEN_FILE,
    TOKEN_CREDENTIAL,
    ALLOWED_USERS,
    OPERATORS,
    ROOMS,
    PAIRING,
    STREAM,
    ATTACHMENTS,
    PLATFORM_URL,
    key("token", Kind::Secret("TELEGRAM_BOT_TOKEN"), "").shell(),
];

static DISCORD: &[Key] = &[
    key("token_env", VARIABLE, "The variable of the environment that holds the bot's token.")
        .shell()
        .or(Default::Follows("`DISCORD_BOT_TOKEN`")),
    TOKEN_FILE,
    TOKEN_CREDENTIAL,
    ALLOWED_USERS,
    OPERATORS,
    ROOMS,
    PAIRING,
    STREAM,
    ATTACHMENTS,
    PLATFORM_URL,
    key("token", Kind::Secret("DISCORD_BOT_TOKEN"), "").shell(),
];

static SLACK: &[Key] = &[
    key("token_env", VARIABLE, "The variable of the environment that holds the bot's token.")
        .shell()
        .or(Default::Follows("`SLACK_BOT_TOKEN`")),
    TOKEN_FILE,
    TOKEN_CREDENTIAL,
    key("app_token_env", VARIABLE, "The variable that holds the app's token, for Socket Mode.")
        .shell()
        .or(Default::Follows("`SLACK_APP_TOKEN`")),
    key("app_token_file", PATH, "A file that holds the app's token.").shell(),
    key("app_token_credential", CREDENTIAL, "The systemd credential that holds the app's token.")
        .shell(),
    ALLOWED_USERS,
    OPERATORS,
    ROOMS,
    PAIRING,
    STREAM,
    ATTACHMENTS,
    PLATFORM_URL,
    key("token", Kind::Secret("SLACK_BOT_TOKEN"), "").shell(),
    key("app_token", Kind::Secret("SLACK_APP_TOKEN"), "").shell(),
];

static TERMINAL: &[Key] = &[
    key("enabled", Kind::Flag, "Whether there is a chat in the terminal.").or(Default::Flag(true)),
    STREAM,
];

static SECURITY: &[Key] = &[
    key(
        "grants",
        Kind::Texts(Form::Grant),
        "What the agent may do, a grant each: \
         `read,list /srv/work`, `run /usr/bin/git log|status`, `connect api.example.com GET ask`.",
    )
    .or(Default::Follows("`read,list` of the workspace, and nothing else")),
    key(
        "deny",
        Kind::Texts(Form::Denial),
        "What it may not do, whatever the grants say: \
         `read,write /srv/work/.git`.",
    ),
    key(
        "programs",
        Kind::Map(&PATH),
        "Where programs are that may be called by name. Those of the grants need no line here: \
         `run /usr/bin/git` makes `git` known, unless the grants name another of that name.",
    ),
    key(
        "mode",
        Kind::Text(Form::Choice(&["grounded", "strict"])),
        "Whether values that a person \
         named may be used without a question once something untrusted was read (`grounded`), or \
         every effect asks (`strict`).",
    )
    .or(Default::Text("grounded")),
    key("constants", ENTRY_NAMES, "Values that any call may use: addresses and names of yours."),
    key(
        "hold",
        Kind::Text(Form::Choice(&["large", "untrusted", "nothing"])),
        "Which results the model \
         gets a name for, to pass them on: of long ones it sees a part (`large`), or of whatever \
         nobody vouches for it sees nothing (`untrusted`).",
    )
    .or(Default::Text("large")),
    key(
        "self_confinement",
        Kind::Text(Form::Choice(&["strict", "best"])),
        "Whether the agent \
         refuses to start (`strict`) or goes on and says so (`best`) where the kernel cannot \
         confine it.",
    )
    .or(Default::Text("strict"))
    .shell(),
];

static SKILLS: &[Key] = &[
    key(
        "directories",
        Kind::Texts(Form::Path),
        "Directories in which each folder with a `skill.toml` or a `SKILL.md` is a skill. The \
         agent may not write there. What is found is used after `sentinel skill approve NAME` and \
         a grant `skill NAME`.",
    )
    .shell(),
    key(
        "trusted_keys",
        Kind::Texts(Form::Signer),
        "The public keys of those whose signatures of skills count, each the second line of a \
         `minisign.pub`. A skill with a signature that is by none of them, or of other files, is \
         not used.",
    )
    .shell(),
    key(
        "require_signature",
        Kind::Flag,
        "Whether a skill that none of `trusted_keys` signed is not used.",
    )
    .or(Default::Flag(false))
    .shell(),
];

static EGRESS: &[Key] = &[key(
    "inspect",
    Kind::Flag,
    "Whether TLS is ended by the proxy where a grant speaks of methods or paths, or a secret is \
     added. The certificate is made for the call, and its sandbox alone believes it. Hosts that \
     are granted whole are left alone.",
)
.or(Default::Flag(false))];

static SECRET: &[Key] = &[
    key("host", LINE, "Whom it is for: a host, or a host and a port, as in `api.example.com`."),
    key("value", Kind::Secret("SECRET"), "").shell(),
    key("value_env", VARIABLE, "The variable of the environment that holds it.").shell(),
    key("value_file", PATH, "A file that holds it.").shell(),
    key("value_credential", CREDENTIAL, "The systemd credential that holds it.").shell(),
    key("header", LINE, "The header that it becomes, in place of what a program wrote there.")
        .or(Default::Text(SECRET_HEADER)),
    key("format", LINE, "What the header says; `{}` stands for the secret.")
        .or(Default::Text(SECRET_FORMAT)),
    key(
        "programs",
        Kind::Texts(Form::Line),
        "The programs that may use it, by their whole paths. Without programs and skills everybody \
         may who is let out to the host.",
    ),
    key("skills", ENTRY_NAMES, "The skills that may use it."),
    key("in_the_clear", Kind::Flag, "Whether it is also added to requests that nobody encrypts.")
        .or(Default::Flag(false)),
];

static SKILL: &[Key] = &[
    key(
        "host",
        LINE,
        "The host that gets it, with its port if that is not 443; nobody else does, whatever the \
         manifest says.",
    )
    .shell(),
    key("token_env", VARIABLE, "The variable of the environment that holds the token.").shell(),
    key("token_file", PATH, "A file that holds the token.").shell(),
    key("token_credential", CREDENTIAL, "The systemd credential that holds the token.").shell(),
];

static TOOL: &[Key] = &[
    key(
        "effect",
        Kind::Text(Form::Choice(&["read", "workspace", "change", "send"])),
        "What its \
         calls do: look, change the agent's own workspace, change something else, or carry \
         something out.",
    ),
    key("control", ENTRY_NAMES, "The parameters that decide where the effect lands."),
    key("recipients", ENTRY_NAMES, "The parameters that name who is reached."),
    key("payload", ENTRY_NAMES, "The parameters that are only carried along."),
    key("credentials", ENTRY_NAMES, "The parameters that take the handle of a secret."),
    key("constants", Kind::Map(&ENTRY_NAMES), "Values of a parameter that are always allowed."),
    key("record", Kind::Map(&LINE), "The kind of record whose id a parameter is."),
    key(
        "readers",
        ENTRY_NAMES,
        "Who may be sent private content without a question: \
         `*@corp.example`.",
    ),
    key(
        "tainted_payload",
        Kind::Text(Form::Choice(&["allow", "people", "ask", "deny"])),
        "What \
         happens to payload that no person wrote out.",
    ),
    key("undoable", Kind::Flag, "Whether a person can take it back."),
    key("fetches", LINE, "The parameter that is a URL, if a call does nothing but fetch it."),
    key("output", Kind::Table(OUTPUT), "What is true of what it gives back."),
];

static OUTPUT: &[Key] = &[
    key(
        "integrity",
        Kind::Text(Form::Choice(&["trusted", "untrusted"])),
        "Whether strangers can \
         choose what stands there.",
    )
    .or(Default::Text("untrusted")),
    key(
        "secrecy",
        Kind::Text(Form::Choice(&["public", "private", "secret"])),
        "How far it may \
         travel.",
    )
    .or(Default::Text("private")),
    key("readers", ENTRY_NAMES, "Who may read it."),
    key(
        "hold",
        Kind::Text(Form::Choice(&["large", "untrusted", "nothing"])),
        "Whether the model gets a \
         name for it instead of seeing it, as in `[security]`.",
    )
    .or(Default::Follows("`hold` of `[security]`")),
];

static BUDGET: &[Key] = &[
    key("turn", Kind::Table(LIMIT), "For one message and all that is done for it."),
    key("conversation", Kind::Table(LIMIT), "For one conversation, from its beginning."),
    key("person", Kind::Table(LIMIT), "For one person, in a day of UTC."),
    key("day", Kind::Table(LIMIT), "For everybody together, in a day of UTC."),
    key(
        "warn",
        Kind::Integers { min: 1, max: 99 },
        "At which shares of a limit people are \
         warned, in percent.",
    )
    .or(Default::Follows("never")),
];

static LIMIT: &[Key] = &[
    key("tokens", COUNT, "Tokens that models read and write."),
    key("money", MONEY, "What they cost, as text: `\"2.50\"`."),
    key("calls", COUNT, "Calls of models and tools."),
    key(
        "seconds",
        Kind::Integer { min: 1, max: i64::MAX / 1000 },
        "How long models and tools were at work.",
    ),
    key(
        "at",
        Kind::Text(Form::Choice(&["stop", "ask", "pause"])),
        "What happens at the limit: \
         the turn ends, a person is asked, or it waits.",
    )
    .or(Default::Text("stop")),
];

static HTTP: &[Key] = &[
    key(
        "proxy",
        Kind::Text(Form::Url),
        "A proxy at `http://` for everything that goes out but to this machine, and to what \
         `NO_PROXY` in the environment names: domains, addresses, networks (`10.0.0.0/8`), with or \
         without a port. What is encrypted for a server goes through it in a tunnel. One that is \
         itself spoken to by TLS (`https://`) is not known.",
    )
    .shell(),
    key("proxy_user", Kind::Text(Form::Line), "Who we are to the proxy.").shell(),
    key("proxy_password_env", VARIABLE, "The variable that holds the password for the proxy.")
        .shell(),
    key("proxy_password_file", PATH, "The file that holds it.").shell(),
    key("proxy_password_credential", CREDENTIAL, "The systemd credential that holds it.").shell(),
    key("proxy_password", Kind::Secret("SENTINEL_PROXY_PASSWORD"), "").shell(),
    key("ca_file", PATH, "A file with more certificates to trust, as PEM.").shell(),
    key("connect_seconds", SECONDS, "How long a connection may take.")
        .or(Default::Integer(10))
        .shell(),
    key("first_byte_seconds", SECONDS, "How long an answer may take to begin.")
        .or(Default::Integer(120))
        .shell(),
    key("idle_seconds", SECONDS, "How long nothing may come while it goes on.")
        .or(Default::Integer(120))
        .shell(),
    key("total_seconds", SECONDS, "How long it may take at all.")
        .or(Default::Integer(1800))
        .shell(),
];

static SANDBOX: &[Key] = &[
    key(
        "mode",
        Kind::Text(Form::Choice(&["strict", "best-effort"])),
        "Whether a command is refused (`strict`) or run all the same (`best-effort`) where this \
         machine cannot enforce all walls. What was missing stands in its result.",
    )
    .or(Default::Text("strict"))
    .shell(),
    key(
        "memory_mib",
        MEBIBYTES,
        "How much memory all processes of a command may use together. By a cgroup where one can be \
         had; otherwise it is watched, and can be exceeded for a moment.",
    )
    .or(Default::Follows("what the machine has"))
    .shell(),
    key("processes", PROCESSES, "How many processes and threads a command may have at a time.")
        .or(Default::Integer(limits::SANDBOX_PIDS as i64))
        .shell(),
    key(
        "processors_percent",
        PERCENTS,
        "How much of the processors all its processes may use together: 100 is one. It takes a \
         cgroup.",
    )
    .or(Default::Follows("what the machine has"))
    .shell(),
    key(
        "disk_mib_per_second",
        MEBIBYTES,
        "How much all its processes may read from a disk in a second, and as much that they may \
         write to it. It takes a cgroup of version 2, such as a service has.",
    )
    .or(Default::Follows("what the machine has"))
    .shell(),
    key("processor_seconds", SECONDS, "How long each of its processes may compute.")
        .or(Default::Follows("the time of the call"))
        .shell(),
    key("open_files", OPEN_FILES, "How many files each of its processes may have open.")
        .or(Default::Integer(limits::SANDBOX_OPEN_FILES as i64))
        .shell(),
    key("file_mib", MEBIBYTES, "How long the longest file may be that it writes.")
        .or(Default::Follows("what the disk has"))
        .shell(),
    key("temporary_mib", MEBIBYTES, "How much fits into its `/tmp`, which is memory.")
        .or(Default::Integer((limits::SANDBOX_TEMPORARY_BYTES >> 20) as i64))
        .shell(),
];

static LOG: &[Key] = &[
    key(
        "level",
        Kind::Text(Form::Choice(&["error", "warn", "info", "debug", "trace"])),
        "How much is said. Words of messages only with `trace`, secrets never.",
    )
    .or(Default::Text("info"))
    .shell(),
    key(
        "format",
        Kind::Text(Form::Choice(&["auto", "text", "json"])),
        "Lines for people or JSON; \
         `auto` is text on a terminal.",
    )
    .or(Default::Text("auto"))
    .shell(),
];

static METRICS: &[Key] = &[key(
    "listen",
    Kind::Text(Form::Listen),
    "Where Prometheus finds them: an address of this machine and a port, `127.0.0.1:9464`.",
)
.or(Default::Follows("nowhere"))
.shell()];

static STATE: &[Key] = &[
    key("directory", PATH, "The directory of the journal. It belongs to the agent alone.")
        .shell()
        .or(Default::Follows("`$XDG_STATE_HOME/sentinel`, or `~/.local/state/sentinel`")),
    key(
        "key",
        Kind::Text(Form::Choice(&["passphrase", "file", "credential"])),
        "What seals the \
         journal: a passphrase, a file that is made at the first start, or a systemd credential. \
         A passphrase is asked for in the terminal unless one of the next three says where it is.",
    )
    .or(Default::Text("file"))
    .shell(),
    key("passphrase_env", VARIABLE, "The variable that holds the passphrase.").shell(),
    key("passphrase_file", PATH, "The file that holds the passphrase.").shell(),
    key("passphrase_credential", CREDENTIAL, "The systemd credential that holds the passphrase.")
        .shell(),
    key("key_file", PATH, "The file that holds the key.")
        .shell()
        .or(Default::Follows("`journal.key` in the directory")),
    key("key_credential", CREDENTIAL, "The systemd credential that holds the key.").shell(),
    key("passphrase", Kind::Secret("SENTINEL_PASSPHRASE"), "").shell(),
];
