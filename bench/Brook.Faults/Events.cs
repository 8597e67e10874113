// What happens in a trial: event n of a partition is a function of the seed, so the program, its workers and the clean fold agree without a broker.
using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Brook.Lanes;

namespace Brook.Faults;

/// <summary>An event's data, as handlers get it.</summary>
/// <param name="P">Its partition.</param>
/// <param name="N">Its number in it.</param>
/// <param name="Entry">The entry of the values that it is about; only this partition's events change it. Of an event that may be set aside: an entry that only events of its key change.</param>
/// <param name="A">An amount, and of an event that fails what is to become of it (<see cref="Event.Fate"/>).</param>
internal sealed record Data(int P, long N, string Entry, long A);

/// <summary>What becomes of an event whose handler fails.</summary>
internal enum Fate
{
    /// <summary>Its handler works, from some moment on at least.</summary>
    Works,

    /// <summary>It fails for ever and stays, and what comes after it under its key stays behind it.</summary>
    Stays,

    /// <summary>It fails for ever; its key goes on without it (<see cref="IParkedEvents.ReleaseAsync"/>).</summary>
    LetGo,

    /// <summary>It is given up.</summary>
    Skipped,

    /// <summary>It fails for ever as it is, and is replaced.</summary>
    Replaced,
}

/// <summary>One event of a trial.</summary>
internal sealed record Event(string Type, string? Key, Guid? CallersId, Data Data)
{
    /// <summary>What the amount of one that was replaced has more.</summary>
    public const long Replacement = 1_000;

    public const string Tally = "tally", Note = "note", Put = "put", Wipe = "wipe", Look = "look", Fail = "fail";

    /// <summary>How many of each type an entry's log keeps.</summary>
    public static IReadOnlyDictionary<string, int> LogLimits { get; } = new Dictionary<string, int> { [Tally] = 5, [Note] = BrookOptions.KeepAll, [Put] = BrookOptions.KeepAll, [Wipe] = 5, [Look] = 3, [Fail] = 5 };

    public Fate Fate => Type != Fail || Data.A >= Replacement ? Fate.Works : (Data.A % 20) switch
    {
        0 => Fate.Stays,
        1 => Key is null ? Fate.Stays : Fate.LetGo,
        2 or 3 or 4 => Fate.Skipped,
        5 or 6 or 7 => Fate.Replaced,
        _ => Fate.Works,
    };

    /// <summary>What it is replaced by.</summary>
    public Event Replaced() => new(Type, Key, CallersId, Data with { A = Data.A + Replacement });

    /// <summary>Unix milliseconds.</summary>
    public static long CreatedAt(long n) => 1_764_036_007_000 + n;

    /// <summary>Its bytes: what is delivered, and what logs hold.</summary>
    public string Json { get; } = string.Create(CultureInfo.InvariantCulture,
        $$"""{"{{(CallersId is null ? "auto_id" : "id")}}":"{{CallersId ?? new Guid(Data.P, 1, (short)Data.N, [1, 2, 3, 4, 5, 6, 7, 8])}}","type":"{{Type}}","author":"faults","create_ts":{{CreatedAt(Data.N)}}{{(Key is null ? "" : $",\"key\":\"{Key}\"")}},"data":{"p":{{Data.P}},"n":{{Data.N}},"entry":"{{Data.Entry}}","a":{{Data.A}} } }""");
}

/// <summary>All events of a trial.</summary>
/// <param name="fails">Some fail until a moment, and some for ever (<see cref="Event.Fate"/>).</param>
/// <param name="copies">Some come twice, known by the ids that their sender gave them.</param>
/// <param name="ids">Every event has an id that its sender gave it.</param>
/// <param name="keys">Makes a key of an entry's name and its partition; null: the name. Every event has a key then.</param>
internal sealed class Events(int seed, bool fails = true, bool copies = true, bool ids = false, Func<string, int, string>? keys = null)
{
    /// <summary>A record that a sender made of one of these events, as <see cref="Event.Json"/> has it; anything else as it is.</summary>
    public string Recognise(string record) => Find(record)?.Json ?? record;

    /// <summary>The event that a sender made a record of; null: it is none of these.</summary>
    public Event? Find(string record)
    {
        try
        {
            var json = JsonSerializer.Deserialize<JsonElement>(record);
            if (json.GetProperty("data").Deserialize<Data>(JsonSerializerOptions.Web) is not { P: >= 0, N: >= 0 } data || Make(data.P, data.N) is var e && e.Data != data && (e.Fate != Fate.Replaced || (e = e.Replaced()).Data != data)) return null;
            return (e.Type, "faults", Event.CreatedAt(data.N), e.Key) == (Text("type"), Text("author"), json.GetProperty("create_ts").GetInt64(), Text("key")) && (e.CallersId is { } id ? Text("id") == id.ToString() : Text("auto_id") is not null) ? e : null;

            string? Text(string name) => json.TryGetProperty(name, out var text) ? text.GetString() : null;
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException) { return null; }
    }

    /// <summary>The event at an offset of a partition. Each fourteenth is the third before it again, with the id that its sender gave it.</summary>
    public Event At(int partition, long n) => n % 14 == 10 && copies ? Make(partition, n - 3) : Make(partition, n);

    /// <summary>How many events message m has: now and then more than are committed together.</summary>
    public int SizeOf(int partition, long m) => Roll(partition, m, 2) % 20 == 0 ? 18 : 1 + (int)(Roll(partition, m, 3) % 5);

    public Guid IdOf(int partition, long m) => IdOf(partition, m, 4);

    private Event Make(int partition, long n)
    {
        var (kind, entry) = (Roll(partition, n, 5) % 100, string.Create(CultureInfo.InvariantCulture, $"{partition}.{Roll(partition, n, 6) % 4}"));
        var (type, key) = kind switch
        {
            < 38 => (Event.Tally, entry),
            < 64 => (Event.Note, entry),
            < 76 => (Event.Put, entry),
            < 82 => (Event.Wipe, entry),
            < 90 => (Event.Look, entry),
            < 93 => (fails ? Event.Fail : Event.Note, null),
            < 97 => (Event.Note, entry = Held()),
            _ => (fails ? Event.Fail : Event.Note, entry = Held()),             // from here on the key's events are set aside, until it is released
        };
        if (key is null) entry = string.Create(CultureInfo.InvariantCulture, $"{partition}.alone.{n}");
        if (keys is not null) key = keys(key ?? entry, partition);
        return new(type, key, n % 7 == 0 || ids ? IdOf(partition, n, 7) : null, new(partition, n, entry, (long)(Roll(partition, n, 8) % Event.Replacement)));

        string Held() => string.Create(CultureInfo.InvariantCulture, $"{partition}.held.{Roll(partition, n, 9) % 2}");
    }

    private Guid IdOf(int partition, long n, int salt)
    {
        var bytes = new byte[16];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, Roll(partition, n, salt));
        BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(8), Roll(partition, n, salt + 100));
        return new(bytes);
    }

    private ulong Roll(int partition, long n, int salt)
    {
        var x = unchecked(((ulong)seed * 0x9E3779B97F4A7C15) + ((ulong)partition * 0xD1B54A32D192ED03) + ((ulong)n * 0x8CB92BA72F3D8DD7) + (ulong)salt);
        for (var round = 0; round < 2; round++)
        {
            x = unchecked((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9);
            x = unchecked((x ^ (x >> 27)) * 0x94D049BB133111EB);
            x ^= x >> 31;
        }
        return x;
    }
}

/// <summary>How events come to a lane.</summary>
internal sealed class Feed
{
    public static readonly Feed Offsets = new("offsets", LaneGuard.Offsets), Messages = new("messages", LaneGuard.MessageIds);

    public static IReadOnlyList<Feed> All { get; } = [Offsets, Messages];

    private Feed(string name, LaneGuard guard) => (Name, Guard) = (name, guard);

    public string Name { get; }
    public LaneGuard Guard { get; }

    public static string Lane(int partition) => string.Create(CultureInfo.InvariantCulture, $"faults/{partition}");

    /// <summary>Events from..to of a log that counts offsets.</summary>
    public static EventEnvelope[] Run(Events events, int partition, long from, long to)
        => [.. Range(from, to).Select(n => EventEnvelope.Read(Encoding.UTF8.GetBytes(events.At(partition, n).Json), new(Lane(partition), n), DateTimeOffset.UnixEpoch))];

    /// <summary>Message m, whose first event is number <paramref name="first"/>.</summary>
    public static IEnumerable<EventEnvelope> Message(Events events, int partition, long m, long first)
        => Range(0, events.SizeOf(partition, m)).Select(i => EventEnvelope.Read(Encoding.UTF8.GetBytes(events.At(partition, first + i).Json), new(Lane(partition), i, events.IdOf(partition, m)), DateTimeOffset.UnixEpoch));

    private static IEnumerable<long> Range(long from, long to)
    {
        for (var n = from; n < to; n++) yield return n;
    }
}
