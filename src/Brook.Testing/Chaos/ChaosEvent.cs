using System.Buffers;
using System.Text;
using Brook.Lanes;

namespace Brook.Testing;

/// <summary>An event of a trial, as it is sent.</summary>
internal sealed record ChaosEvent(int Number, Guid Id, bool HasCallersId, string Type, string? Key, int Lane, DateTimeOffset CreatedAt, ReadOnlyMemory<byte> Record, PoisonKind Poison, string Text)
{
    private const int MaxText = 200;
    private static readonly DateTimeOffset s_first = DateTimeOffset.UnixEpoch.AddYears(56);

    /// <summary>The events of a plan, in order. One source and the same choices give the same event.</summary>
    public static List<ChaosEvent> Of(ChaosPlan plan, IReadOnlyList<Func<Random, BrookEngine, BrookEvent>> sources, BrookEngine engine)
    {
        var events = new List<ChaosEvent>();
        foreach (var step in plan.Steps.OfType<EventStep>())
        {
            if (step.Source >= sources.Count) throw new FormatException($"The trial has events of source {step.Source}, and there are {sources.Count}. Run it with the events it was found with.");
            events.Add(Of(step, sources[step.Source](new Choices(step.Choices), engine), events.Count + 1, plan.Lanes, engine));
        }
        return events;
    }

    private static ChaosEvent Of(EventStep step, BrookEvent made, int number, int lanes, BrookEngine engine)
    {
        var record = new ArrayBufferWriter<byte>();
        var hasId = step.HasId || made.Id != default;
        var stamped = made.Stamped(made.Id != default ? made.Id : new Guid(number, 0, 0, new byte[8]), hasId, made.Author.Length == 0 ? engine.Options.Author : made.Author,
            made.CreatedAt == default ? s_first.AddSeconds(number) : made.CreatedAt, made.Headers);
        EventWriter.Write(stamped, engine.Serializer, record);
        var raw = EventEnvelope.Read(record.WrittenMemory, default, default);
        var key = engine.Types.Find(raw.Type, out _).Decode(in raw, engine.Serializer).Key;         // what its mapping makes of it, where it has none
        var data = Encoding.UTF8.GetString(raw.Data.Span);
        return new(number, stamped.Id, hasId, raw.Type, key, LaneOf(key, lanes), raw.CreatedAt, record.WrittenMemory, step.Poison, $"{raw.Type}({key}) {(data.Length <= MaxText ? data : data[..MaxText] + "...")}");
    }

    /// <summary>Events of one key are on one lane, those without a key on the first.</summary>
    private static int LaneOf(string? key, int lanes)
    {
        if (key is null) return 0;
        var hash = 2166136261u;
        foreach (var c in key) hash = unchecked((hash ^ c) * 16777619u);
        return (int)(hash % (uint)lanes);
    }
}
