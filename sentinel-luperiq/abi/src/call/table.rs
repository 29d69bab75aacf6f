//! The rows themselves.

use super::{Argument, Audit, Brief, Row};
use crate::limits;
use crate::object::{Kind, Kinds};
use crate::rights::Rights;
use crate::wire;

macro_rules! table {
    ($($number:literal $call:ident $name:literal
        ($($argument:expr),*) -> [$($gives:literal),*] $audit:ident $text:literal;)*) => {
        /// Which system call.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Call { $(#[doc = $text] $call,)* }

        /// Every system call, in the order of its number.
        pub const TABLE: &[Row] = &[$(Row {
            call: Call::$call,
            number: $number,
            name: $name,
            arguments: &[$($argument),*],
            gives: &[$($gives),*],
            audit: Audit::$audit,
            text: $text,
        }),*];

        /// Their names, without the rest.
        pub(super) static NAMES: [&str; TABLE.len()] = [$($name),*];
    };
}

const ANY: Kinds = Kinds::ANY;
const JOB: Kinds = Kinds::of(&[Kind::Job]);
const PROCESS: Kinds = Kinds::of(&[Kind::Process]);
const RUNNING: Kinds = Kinds::of(&[Kind::Process, Kind::Thread]);
const CHANNEL: Kinds = Kinds::of(&[Kind::Channel]);
const FILE: Kinds = Kinds::of(&[Kind::File]);
const DIRECTORY: Kinds = Kinds::of(&[Kind::Directory]);
const MEMORY: Kinds = Kinds::of(&[Kind::Memory]);
const SOCKET: Kinds = Kinds::of(&[Kind::Socket]);
const ENDPOINT: Kinds = Kinds::of(&[Kind::Endpoint]);
const NETWORK: Kinds = Kinds::of(&[Kind::Network]);
const PORT: Kinds = Kinds::of(&[Kind::Port]);

use Argument::{Address, Deadline, Handle, Input, Number, Output, Signals};

const HANDLES: usize = 4 * limits::MESSAGE_HANDLES_MAX;
const WAITS: usize = wire::WaitItem::BYTES * limits::WAIT_MANY_MAX;

table! {
    // Processes and threads.
    0 Null "null" () -> [] Refused
        "Nothing. It is there to be measured.";
    1 Exit "exit" (Number("code")) -> [] Refused
        "Ends the process; all it held is given back.";
    2 Spawn "spawn" (
        Handle("job", JOB, Rights::CREATE), Handle("file", FILE, Rights::EXECUTE),
        Input("start", limits::START_BYTES_MAX)
    ) -> ["process", "channel"] Every
        "Makes a process from a file and starts it: process_create and process_start in one.";
    3 Wait "wait" (Handle("process", PROCESS, Rights::WAIT), Deadline("deadline"))
        -> ["code"] Every
        "Waits until a process has ended; gives the low 32 bits of what it said.";
    4 Yield "yield" () -> [] Refused
        "Lets others run.";
    5 ThreadCreate "thread_create" (Address("entry"), Address("stack"), Number("argument"))
        -> ["thread"] Every
        "Starts a thread of this process; `argument` is its x0.";
    6 ThreadExit "thread_exit" () -> [] Refused
        "Ends the thread; with the last one the process ends.";
    7 PrioritySet "priority_set" (Handle("whom", RUNNING, Rights::MANAGE), Number("priority"))
        -> [] Every
        "How urgent a thread is, or a process with all its threads; 7 is most, 0 least.";
    10 ProcessCreate "process_create" (
        Handle("job", JOB, Rights::CREATE), Handle("file", FILE, Rights::EXECUTE),
        Input("name", limits::NAME_BYTES_MAX)
    ) -> ["process", "channel"] Every
        "Makes a process from a file, and the channel to it. It runs when it is started.";
    11 ProcessStart "process_start" (
        Handle("process", PROCESS, Rights::MANAGE), Input("start", limits::START_BYTES_MAX)
    ) -> [] Every
        "Gives a process its handles, which leave the caller, and lets it run.";
    12 ProcessKill "process_kill" (Handle("process", PROCESS, Rights::MANAGE)) -> [] Every
        "Ends a process; all it held is given back.";
    13 ProcessInfo "process_info" (
        Handle("process", PROCESS, Rights::INSPECT), Output("info", wire::ProcessInfo::BYTES)
    ) -> [] Every
        "How a process is.";

    // Jobs.
    20 JobCreate "job_create" (
        Handle("job", JOB, Rights::CREATE), Input("name", limits::NAME_BYTES_MAX)
    ) -> ["job"] Every
        "Makes a job in a job, with its limits and policies.";
    21 JobSet "job_set" (
        Handle("job", JOB, Rights::MANAGE), Input("settings", limits::SETTINGS_BYTES_MAX)
    ) -> [] Every
        "Narrows the limits and policies of a job in which nothing is yet.";
    22 JobKill "job_kill" (Handle("job", JOB, Rights::MANAGE)) -> [] Every
        "Ends everything in a job.";
    23 JobInfo "job_info" (
        Handle("job", JOB, Rights::INSPECT), Output("info", wire::JobInfo::BYTES)
    ) -> [] Every
        "How a job is.";
    24 JobSupervise "job_supervise" (
        Handle("job", JOB, Rights::MANAGE),
        Handle("channel", CHANNEL, Rights::SEND.with(Rights::TRANSFER))
    ) -> [] Every
        "Sends requests for capabilities from this job into a channel, which leaves the caller.";
    25 JobProcesses "job_processes" (
        Handle("job", JOB, Rights::LIST), Number("first"),
        Output("infos", 16 * wire::ProcessInfo::BYTES)
    ) -> ["count"] Every
        "How the processes in a job and beneath are, from the number `first` on.";

    // Handles.
    30 HandleDuplicate "handle_duplicate" (
        Handle("handle", ANY, Rights::DUPLICATE), Argument::Rights("rights")
    ) -> ["handle"] Every
        "A further handle to the same thing, with these rights, which must all be there.";
    31 HandleReplace "handle_replace" (
        Handle("handle", ANY, Rights::NONE), Argument::Rights("rights")
    ) -> ["handle"] Every
        "Exchanges a handle for one with these rights, which must all be there.";
    32 HandleInfo "handle_info" (
        Handle("handle", ANY, Rights::NONE), Output("info", wire::HandleInfo::BYTES)
    ) -> [] Refused
        "What a handle is. Whoever holds it may know.";
    33 HandleRevoke "handle_revoke" (Handle("handle", ANY, Rights::DUPLICATE)) -> ["count"] Every
        "Takes back everything that was duplicated from this handle, wherever it is.";

    // Channels.
    40 ChannelCreate "channel_create" () -> ["one", "other"] Every
        "A line with two ends.";
    41 ChannelWrite "channel_write" (
        Handle("channel", CHANNEL, Rights::SEND), Input("bytes", limits::MESSAGE_BYTES_MAX),
        Input("handles", HANDLES)
    ) -> [] Every
        "Sends a message. Its handles need the right to be transferred, and leave the caller.";
    42 ChannelRead "channel_read" (
        Handle("channel", CHANNEL, Rights::RECEIVE), Output("bytes", limits::MESSAGE_BYTES_MAX),
        Output("handles", HANDLES)
    ) -> ["bytes count", "handles count"] Every
        "Takes the next message, whole or not at all.";
    43 ChannelCall "channel_call" (
        Handle("channel", CHANNEL, Rights::SEND.with(Rights::RECEIVE)),
        Input("arguments", wire::CallArguments::BYTES), Deadline("deadline")
    ) -> ["bytes count", "handles count"] Every
        "Sends a message and takes the next one that comes.";

    // Waiting.
    50 WaitOne "wait_one" (
        Handle("handle", ANY, Rights::WAIT), Signals("signals"), Deadline("deadline")
    ) -> ["signals"] Every
        "Waits until one of the signals is true.";
    51 WaitMany "wait_many" (
        Input("items", WAITS), Output("signals", HANDLES * 2), Deadline("deadline")
    ) -> ["count"] Every
        "Waits for many things, each with its right to be waited for; gives what is true of each.";
    52 EventCreate "event_create" () -> ["event"] Every
        "Something to signal with.";
    53 EventSignal "event_signal" (
        Handle("event", Kinds::of(&[Kind::Event]), Rights::SIGNAL), Number("is set")
    ) -> [] Every
        "Sets the event's signal, or takes it back.";
    54 PortCreate "port_create" () -> ["port"] Every
        "Something that tells of many things as they come.";
    55 PortBind "port_bind" (
        Handle("port", PORT, Rights::MANAGE), Handle("watched", ANY, Rights::WAIT),
        Number("key"), Signals("signals")
    ) -> [] Every
        "Lets a port tell, under this key, whenever one of the signals is true of what a handle \
         stands for.";
    56 PortCancel "port_cancel" (Handle("port", PORT, Rights::MANAGE), Number("key")) -> [] Every
        "Lets a port tell no more under this key.";
    57 PortWait "port_wait" (Handle("port", PORT, Rights::RECEIVE), Deadline("deadline"))
        -> ["signals", "key"] Every
        "Waits for the next thing that is as its signals say, in turn.";

    // Files, directories, the console.
    60 Read "read" (
        Handle("from", Kinds::of(&[Kind::File, Kind::Console, Kind::Directory]), Rights::NONE),
        Output("bytes", limits::TRANSFER_BYTES_MAX), Number("position")
    ) -> ["count", "next"] Every
        "Takes bytes out of a file or the console, which needs `read`, or a directory's lines \
         `name<TAB>type`, which needs `list`; there a position counts names.";
    61 Write "write" (
        Handle("to", Kinds::of(&[Kind::File, Kind::Console]), Rights::WRITE),
        Input("bytes", limits::TRANSFER_BYTES_MAX), Number("position")
    ) -> ["count"] Every
        "Puts bytes into a file or onto the console.";
    62 Open "open" (
        Handle("directory", DIRECTORY, Rights::NONE), Input("path", limits::PATH_BYTES_MAX),
        Number("flags")
    ) -> ["handle"] Every
        "Opens what is beneath a directory, which needs the right to each thing it is opened for.";
    63 Close "close" (Handle("handle", ANY, Rights::NONE)) -> [] Refused
        "Gives a handle up.";
    64 Stat "stat" (
        Handle("node", Kinds::of(&[Kind::File, Kind::Directory]), Rights::INSPECT),
        Output("stat", wire::Stat::BYTES)
    ) -> [] Every
        "What a file or directory is.";
    65 Remove "remove" (
        Handle("directory", DIRECTORY, Rights::DELETE), Input("path", limits::PATH_BYTES_MAX)
    ) -> [] Every
        "Takes a file or an empty directory away.";
    66 Sync "sync" (Handle("file", FILE, Rights::WRITE)) -> [] Every
        "Returns when what was written is safe.";

    // Memory.
    70 MemoryCreate "memory_create" (Number("bytes")) -> ["memory"] Every
        "Pages of memory, zeroed.";
    71 MemoryMap "memory_map" (
        Handle("memory", MEMORY, Rights::NONE), Address("at"), Number("offset"),
        Number("bytes"), Number("protection")
    ) -> ["address"] Every
        "Maps memory, which needs the rights that the protection names; 0 lets the kernel choose.";
    72 MemoryUnmap "memory_unmap" (Address("at"), Number("bytes")) -> [] Refused
        "Takes a mapping away.";
    73 MemoryProtect "memory_protect" (
        Address("at"), Number("bytes"), Number("protection")
    ) -> [] Every
        "Changes how a mapping can be used, within what it was mapped with.";

    // Time and chance.
    80 ClockRead "clock_read" (Handle("clock", Kinds::of(&[Kind::Clock]), Rights::READ))
        -> ["monotonic nanoseconds", "milliseconds since 1970"] Every
        "What the time is; the second is 0 if nobody knows.";
    81 TimerCreate "timer_create" () -> ["timer"] Every
        "A timer.";
    82 TimerSet "timer_set" (
        Handle("timer", Kinds::of(&[Kind::Timer]), Rights::SIGNAL), Deadline("deadline")
    ) -> [] Every
        "Lets a timer signal at a moment; all ones takes that back.";
    84 EntropyRead "entropy_read" (
        Handle("entropy", Kinds::of(&[Kind::Entropy]), Rights::READ),
        Output("bytes", limits::ENTROPY_BYTES_MAX)
    ) -> ["count"] Every
        "Random bytes.";

    // The network.
    120 SocketCreate "socket_create" (Handle("endpoint", ENDPOINT, Rights::CONNECT))
        -> ["socket"] Every
        "A socket that can be connected to this endpoint and to nothing else.";
    121 EndpointNarrow "endpoint_narrow" (
        Handle("endpoint", ENDPOINT, Rights::MANAGE), Input("host", limits::HOST_BYTES_MAX),
        Number("port"), Number("protocol")
    ) -> ["endpoint"] Every
        "A narrower endpoint: one host or port of those that this one covers.";
    122 NetworkServe "network_serve" (
        Handle("network", NETWORK, Rights::MANAGE),
        Handle("channel", CHANNEL, Rights::SEND.with(Rights::TRANSFER))
    ) -> [] Every
        "Sends connections that are asked for into a channel, which leaves the caller.";
    123 NetworkInfo "network_info" (Handle("network", NETWORK, Rights::INSPECT))
        -> ["address", "bytes of a frame"] Every
        "What the card's address is, its first byte lowest, and how long a frame can be.";
    124 SocketConnect "socket_connect" (
        Handle("socket", SOCKET, Rights::CONNECT), Deadline("deadline")
    ) -> [] Every
        "Resolves the endpoint's host and connects. The process never names an address.";
    125 SocketSend "socket_send" (
        Handle("socket", SOCKET, Rights::SEND), Input("bytes", limits::TRANSFER_BYTES_MAX)
    ) -> ["count"] Every
        "Gives bytes to the other end, as many as there is room for.";
    126 SocketRecv "socket_recv" (
        Handle("socket", SOCKET, Rights::RECEIVE), Output("bytes", limits::TRANSFER_BYTES_MAX)
    ) -> ["count"] Every
        "Takes bytes of the other end; 0 means that it sends no more.";
    127 FrameSend "frame_send" (
        Handle("network", NETWORK, Rights::WRITE), Input("frame", limits::FRAME_BYTES_MAX)
    ) -> [] Refused
        "Puts a frame onto the wire.";
    128 FrameReceive "frame_receive" (
        Handle("network", NETWORK, Rights::READ), Output("frame", limits::FRAME_BYTES_MAX)
    ) -> ["count"] Refused
        "Takes a frame from the wire; the room is for the longest.";

    // Asking, and the record.
    130 CapRequest "cap_request" (Input("text", limits::REQUEST_BYTES_MAX)) -> ["channel"] Every
        "Asks the job's supervisor; the answer comes through the channel.";
    134 AuditWrite "audit_write" (Input("text", limits::NOTE_BYTES_MAX)) -> [] Every
        "Adds a sentence of the program's own to the record.";
    135 AuditRead "audit_read" (
        Handle("reader", Kinds::of(&[Kind::AuditReader]), Rights::READ),
        Output("frames", limits::TRANSFER_BYTES_MAX), Number("first")
    ) -> ["bytes count", "next"] Every
        "Records as they stand in the log, whole ones, from the number `first` on.";
    136 AuditHead "audit_head" (
        Handle("reader", Kinds::of(&[Kind::AuditReader]), Rights::READ),
        Output("head", wire::AuditHead::BYTES)
    ) -> [] Every
        "Where the record is.";

    // The machine.
    150 Halt "halt" (Handle("job", JOB, Rights::MANAGE), Number("code")) -> [] Every
        "Ends the root job, closes the record and stops the machine.";
}

/// The place of each number's row; no row is at `u8::MAX`.
pub(super) static ROWS_BY_NUMBER: [u8; LAST + 1] = {
    let mut places = [u8::MAX; LAST + 1];
    let mut place = 0;
    while place < TABLE.len() {
        places[TABLE[place].number as usize] = place as u8;
        place += 1;
    }
    places
};

/// What the kernel goes by, in the order of the rows: it has no use for their words.
pub(super) static BRIEFS: [Brief; TABLE.len()] = {
    let mut briefs = [Brief::of(&TABLE[0]); TABLE.len()];
    let mut place = 0;
    while place < TABLE.len() {
        briefs[place] = Brief::of(&TABLE[place]);
        place += 1;
    }
    briefs
};

const LAST: usize = TABLE[TABLE.len() - 1].number as usize;

const _: () = assert!(TABLE.len() < u8::MAX as usize);
