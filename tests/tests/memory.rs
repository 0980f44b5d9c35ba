//! What data takes, by the server's own count, and the figures that MEMORY and INFO show.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use redstart::node::{Event, Measures};
use redstart_tests::local::Local;
use redstart_tests::play::{Patience, Stage};

/// What Redis 8 shows in MEMORY STATS with data in database 0.
const STATS: &str = "peak.allocated total.allocated startup.allocated replication.backlog \
    replica.fullsync.buffer clients.slaves clients.normal cluster.links aof.buffer lua.caches \
    functions.caches script.VMs db.0 overhead.db.hashtable.lut overhead.db.hashtable.rehashing \
    overhead.total db.dict.rehashing.count keys.count keys.bytes-per-key dataset.bytes \
    dataset.percentage peak.percentage allocator.allocated allocator.active allocator.resident \
    allocator.muzzy allocator-fragmentation.ratio allocator-fragmentation.bytes \
    allocator-rss.ratio allocator-rss.bytes rss-overhead.ratio rss-overhead.bytes fragmentation \
    fragmentation.bytes";

/// What Redis 8 shows in the memory section of INFO.
const INFO: &str = "used_memory used_memory_human used_memory_rss used_memory_rss_human \
    used_memory_peak used_memory_peak_human used_memory_peak_perc used_memory_overhead \
    used_memory_startup used_memory_dataset used_memory_dataset_perc allocator_allocated \
    allocator_active allocator_resident allocator_muzzy total_system_memory \
    total_system_memory_human used_memory_lua used_memory_vm_eval used_memory_lua_human \
    used_memory_scripts_eval number_of_cached_scripts number_of_functions number_of_libraries \
    used_memory_vm_functions used_memory_vm_total used_memory_vm_total_human \
    used_memory_functions used_memory_scripts used_memory_scripts_human maxmemory \
    maxmemory_human maxmemory_policy allocator_frag_ratio allocator_frag_bytes \
    allocator_rss_ratio allocator_rss_bytes rss_overhead_ratio rss_overhead_bytes \
    mem_fragmentation_ratio mem_fragmentation_bytes mem_not_counted_for_evict \
    mem_replication_backlog mem_total_replication_buffers mem_replica_full_sync_buffer \
    mem_clients_slaves mem_clients_normal mem_cluster_links mem_aof_buffer mem_allocator \
    mem_overhead_db_hashtable_rehashing active_defrag_running lazyfree_pending_objects \
    lazyfreed_objects";

/// Many items of one shape.
struct Shape {
    name: &'static str,
    count: u64,
    /// The command that adds an item; `#` stands for its number.
    add: &'static str,
    /// The key whose memory is asked for: that of an item, or one that holds all of them.
    key: &'static str,
    /// Bytes that an item may take.
    bytes_max: f64,
}

const fn shape(name: &'static str, add: &'static str, key: &'static str, bytes_max: f64) -> Shape {
    Shape { name, count: 100_000, add, key, bytes_max }
}

/// The shapes of which memory is compared with other servers.
const SHAPES: &[Shape] = &[
    shape("string16+16", "SET key:00# value:#", "key:00#", 44.5),
    shape("string16+16+ttl", "SET key:00# value:# EX 100000", "key:00#", 53.5),
    shape("string16+int", "SET key:00# 1234567890", "key:00#", 32.5),
    Shape {
        count: 20_000,
        ..shape(
            "hash-10-fields",
            "HSET key:00# field0 val00000 field1 val00001 field2 val00002 field3 val00003 \
             field4 val00004 field5 val00005 field6 val00006 field7 val00007 field8 val00008 \
             field9 val00009",
            "key:00#",
            217.0,
        )
    },
    shape("hash-big-field", "HSET big field:# val12345", "big", 34.5),
    shape("set-big-member", "SADD big member:#", "big", 27.5),
    shape("zset-big-member", "ZADD big # member:#", "big", 46.5),
    shape("list-big-element", "RPUSH big element:#", "big", 20.5),
    shape("stream-entry", "XADD big #-1 field val12345", "big", 19.0),
    shape("array-value", "ARINSERT big value:#", "big", 22.0),
];

/// Runs one command; returns the bytes of its reply.
fn run(local: &mut Local, command: &str) -> String {
    local.send("a", format!("{command}\r\n").as_bytes()).unwrap();
    let replies = local.receive(Patience::Quiet).pop().unwrap().1;
    String::from_utf8(replies).unwrap()
}

/// Every item, by MEMORY USAGE, on average.
fn bytes_each(shape: &Shape) -> f64 {
    let mut local = Local::for_tests();
    let numbered = |text: &str, number: u64| text.replace('#', &format!("{number:010}"));
    for item in 1..=shape.count {
        let reply = run(&mut local, &numbered(shape.add, item));
        assert!(!reply.starts_with('-'), "{reply}");
    }
    let usage = |local: &mut Local, key: &str| {
        let reply = run(local, &format!("MEMORY USAGE {key} SAMPLES 0"));
        reply.trim_start_matches(':').trim_end().parse::<f64>().unwrap()
    };
    if !shape.key.contains('#') {
        return usage(&mut local, shape.key) / shape.count as f64;
    }
    let asked: Vec<u64> = (1..=shape.count).step_by(997).collect();
    let sum: f64 = asked.iter().map(|&item| usage(&mut local, &numbered(shape.key, item))).sum();
    sum / asked.len() as f64
}

#[test]
fn every_shape_of_data_takes_as_few_bytes_as_it_did() {
    let mut offences = Vec::new();
    for shape in SHAPES {
        let bytes = bytes_each(shape);
        println!("{:<18} {bytes:.1}", shape.name);
        // A limit far above what is true would hold nothing.
        if bytes > shape.bytes_max || bytes < shape.bytes_max * 0.9 {
            offences.push(format!("{}: {bytes:.1}, at most {}", shape.name, shape.bytes_max));
        }
    }
    assert!(offences.is_empty(), "{offences:#?}");
}

/// The names of a map's entries, in RESP2, where values are numbers, bulk strings or maps of two.
fn names_of(reply: &str) -> Vec<&str> {
    let names = reply.lines().filter(|line| line.contains('.') && !line.starts_with(['$', ':']));
    names.filter(|line| !line.starts_with(|first: char| first.is_ascii_digit())).collect()
}

#[test]
fn figures_are_those_of_redis_and_agree_with_each_other() {
    let mut local = Local::for_tests();
    let measured = |used_memory| Measures { used_memory, rss: 3 << 20, ..Measures::default() };
    local.event(Event::Measured(measured(1 << 20)));
    for item in 0..1000 {
        run(&mut local, &format!("SET key:{item} {}", "v".repeat(1000)));
    }
    local.event(Event::Measured(measured(2 << 20)));
    let reply = run(&mut local, "MEMORY STATS");
    let names: Vec<&str> = names_of(&reply)
        .into_iter()
        .filter(|name| !name.starts_with("overhead.hashtable"))
        .collect();
    // Names with a point in them, and the one without.
    let wanted: Vec<&str> = STATS.split_whitespace().filter(|name| name.contains('.')).collect();
    assert_eq!(names, wanted);
    assert!(reply.contains("\r\nfragmentation\r\n$3\r\n1.5\r\n"), "{reply}");
    assert!(reply.contains("\r\nstartup.allocated\r\n:1048576\r\n"), "{reply}");
    assert!(reply.contains("\r\nkeys.count\r\n:1000\r\n"), "{reply}");
    let info = run(&mut local, "INFO memory");
    let fields: Vec<&str> =
        info.lines().filter_map(|line| line.split_once(':').map(|(name, _)| name)).collect();
    assert_eq!(fields, INFO.split_whitespace().collect::<Vec<_>>());
    let field = |name: &str| {
        let line = info.lines().find_map(|line| line.strip_prefix(&format!("{name}:")));
        line.unwrap().parse::<u64>().unwrap()
    };
    let (used, overhead) = (field("used_memory"), field("used_memory_overhead"));
    assert_eq!(used, 2 << 20);
    assert_eq!(field("used_memory_dataset") + overhead, used);
    assert!(overhead > field("used_memory_startup"), "tables and clients are overhead");
    let names = run(&mut local, "HELLO 3\r\nMEMORY STATS");
    assert!(names.contains("\r\n%34\r\n$14\r\npeak.allocated\r\n"), "{names}");
    assert!(names.contains("\r\nfragmentation\r\n,1.5\r\n"), "{names}");
}
