using System.Diagnostics;
using System.Globalization;
using System.Text;
using Brook.Bench.Scenarios.Redis;
using Brook.Sqlite;
using Brook.Storage;

namespace Brook.Bench.Scenarios.Sqlite;

/// <summary>The path of an event into a SQLite file, beside what is written by hand, with the same promise on both sides.</summary>
internal sealed class IntoSqlite : Scenario
{
    private const int Together = 500, FigureEntries = 20_000, Logged = 10;
    private readonly DirectoryInfo _folder = new(Path.Combine(Path.GetTempPath(), $"brook-bench-{Guid.NewGuid():N}"));
    private int _files;

    public override string Name => "sqlite";

    public override string About => "JSON bytes -> typed handler -> merge by function -> a SQLite file with event log; end_to_end: over MassTransit's in-memory transport";

    public override IReadOnlyList<string> Notes =>
    [
        string.Create(CultureInfo.InvariantCulture, $"the events of the redis scenario: same records in every row, {SqliteLoad.Records.Min(record => record.Length)}-{SqliteLoad.Records.Max(record => record.Length)} bytes; {SqliteLoad.Keys:N0} keys at random; each has its entry (about 300 bytes of JSON) and one event in its log before a turn is measured; LogLimit is the default ({new BrookOptions().LogLimit})"),
        string.Create(CultureInfo.InvariantCulture, $"a file of its own for each turn, in {Path.GetTempPath()} ({Format()}: what a flush of this disk costs is most of what handwritten costs)"),
        string.Create(CultureInfo.InvariantCulture, $"handwritten: Microsoft.Data.Sqlite, per event a transaction with SELECT, fold, upsert, INSERT into the log; prepared once, WAL, called without a bus; handwritten_batch: {Together} events in a transaction; no log limit, no duplicates noticed"),
        "durable on both sides (synchronous=FULL: every commit is on the disk before it is answered), but for the rows that say fast (synchronous=NORMAL)",
        string.Create(CultureInfo.InvariantCulture, $"engine: {RedisLoad.Partitions} lanes of one engine, each with its partition of the keys; engine_one_lane: total order; batches of {EnginePeer.Together}; end_to_end: one SendManyAsync to {RedisLoad.Partitions} partitions, until all is in the view"),
        string.Create(CultureInfo.InvariantCulture, $"figures: {FigureEntries:N0} entries; bytes of the closed file; logs of {Logged} events; commit_ms: one put, answered, median of 200; read_us: one entry, median of 20,000"),
    ];

    public override IReadOnlyList<Row> Rows =>
    [
        new("handwritten", 600, () => Task.FromResult(HandwrittenPeer.Open(NewFile(), durable: true))) { LeadIn = SqliteLoad.Keys },
        new("handwritten_fast", 10_000, () => Task.FromResult(HandwrittenPeer.Open(NewFile(), durable: false))) { LeadIn = SqliteLoad.Keys },
        new("handwritten_batch", 20_000, () => Task.FromResult(HandwrittenPeer.Open(NewFile(), durable: true, Together))) { LeadIn = SqliteLoad.Keys },
        new("engine_one_lane", 40_000, () => EngineAsync(SqliteDurability.Durable, lanes: 1)) { LeadIn = SqliteLoad.Keys },
        new("engine", 40_000, () => EngineAsync(SqliteDurability.Durable, RedisLoad.Partitions)) { LeadIn = SqliteLoad.Keys },
        new("engine_fast", 40_000, () => EngineAsync(SqliteDurability.Fast, RedisLoad.Partitions)) { LeadIn = SqliteLoad.Keys },
        new("end_to_end", 40_000, () => BusPeer.OpenAsync(brook => brook.UseSqlite(NewFile()), SqliteLoad.Event)) { LeadIn = SqliteLoad.Keys },
        new("end_to_end_fast", 40_000, () => BusPeer.OpenAsync(brook => brook.UseSqlite(NewFile(), options => options.Durability = SqliteDurability.Fast), SqliteLoad.Event)) { LeadIn = SqliteLoad.Keys },
    ];

    public override IReadOnlyList<Ratio> Ratios { get; } =
    [
        new("engine_vs_handwritten", "engine", "handwritten"), new("engine_fast_vs_handwritten_fast", "engine_fast", "handwritten_fast"),
        new("engine_vs_handwritten_batch", "engine", "handwritten_batch"), new("end_to_end_vs_handwritten", "end_to_end", "handwritten"), new("engine_vs_engine_fast", "engine", "engine_fast"),
    ];

    public override Task StartAsync()
    {
        _folder.Create();
        return Task.CompletedTask;
    }

    public override async Task<IReadOnlyList<Figure>> FiguresAsync(int size)
    {
        var entries = size > 0 ? size : FigureEntries;
        var (plain, logged) = (NewFile(), NewFile());
        await FillAsync(plain, entries, events: 1, logLimit: 0);
        await FillAsync(logged, entries, Logged, new BrookOptions().LogLimit);
        await using var store = new SqliteViewStore(logged);
        await store.StartAsync(default);
        var (started, all) = (Stopwatch.GetTimestamp(), 0);
        for (string? after = null; ;)
        {
            var page = await store.ReadPageAsync("orders", "", after, 500, default);
            all += page.Entries.Count;
            if ((after = page.Next) is null) break;
        }
        var streamed = Stopwatch.GetElapsedTime(started);
        var key = new EntryKey[] { new("orders", RedisLoad.Id(0)) };
        return
        [
            new("bytes_per_entry", (double)new FileInfo(plain).Length / entries), new("bytes_per_logged_event", (double)(new FileInfo(logged).Length - new FileInfo(plain).Length) / (Logged * entries)),
            new("getall_entries_per_second", all / streamed.TotalSeconds),
            new("commit_ms", await MedianAsync(200, async () => await store.CommitAsync(One(key[0]), default)) / 1000), new("read_us", await MedianAsync(20_000, async () => await store.ReadAsync(key, default))),
        ];
    }

    public override ValueTask StopAsync()
    {
        if (_folder.Exists) _folder.Delete(recursive: true);
        return default;
    }

    private async Task<IPeer> EngineAsync(SqliteDurability durability, int lanes) => await EnginePeer.OpenAsync(brook => brook.UseSqlite(NewFile(), options => options.Durability = durability), lanes, SqliteLoad.Record);

    /// <summary>The file of the turn before is not needed any more.</summary>
    private string NewFile()
    {
        foreach (var old in _folder.GetFiles($"{_files - 2}.db*")) old.Delete();
        return Path.Combine(_folder.FullName, string.Create(CultureInfo.InvariantCulture, $"{_files++}.db"));
    }

    private static async Task FillAsync(string path, int entries, int events, int logLimit)
    {
        await using var peer = await EnginePeer.OpenAsync(brook => brook.UseSqlite(path, options => options.Durability = SqliteDurability.Fast).Options.LogLimit = logLimit, lanes: 1, i => SqliteLoad.Records[i % entries]);
        await peer.RunAsync(events * entries);
    }

    private static Commit One(EntryKey key)
    {
        var commit = new Commit(Commit.NewVersion());
        commit.Add(new CommitEntry(key, EntryAction.Put, null, Encoding.UTF8.GetBytes("1")));
        return commit;
    }

    /// <summary>Microseconds.</summary>
    private static async Task<double> MedianAsync(int times, Func<Task> run)
    {
        var took = new double[times];
        for (var i = 0; i < times; i++)
        {
            var started = Stopwatch.GetTimestamp();
            await run();
            took[i] = Stopwatch.GetElapsedTime(started).TotalMicroseconds;
        }
        return Measure.Median(took);
    }

    private static string Format()
    {
        try { return new DriveInfo(Path.GetTempPath()).DriveFormat; }
        catch (Exception e) when (e is IOException or ArgumentException or UnauthorizedAccessException) { return "unknown file system"; }
    }
}
