using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Brook.Lanes;

namespace Brook;

/// <summary>What an event is replaced by: checked here as the lane would, before it is written.</summary>
internal static class Replacement
{
    /// <summary>The same event with other data.</summary>
    public static ParkedEvent ByData<T>(ParkedEvent row, T data, BrookEngine engine)
    {
        var was = EventEnvelope.Read(row.Event, row.Position, row.Since);
        if (was.Error is not null || row.Rule == RetryRule.Unreadable)
            throw new BrookException($"The event of row '{row.RowId}' could not be read, so it has no data to be replaced. Replace the whole event (ReplaceRecordAsync).");
        var e = new BrookEvent<T>(was.Type, data);
        var stamp = new EventStamp(was.Id == default ? row.Id : was.Id, was.HasCallersId, was.Author ?? "", was.CreatedAt, was.Headers ?? BrookEvent.NoHeaders) { Key = was.Key };
        var record = new ArrayBufferWriter<byte>();
        try { EventWriter.Write(e, in stamp, data is JsonElement ? AsItIs.Instance : engine.Serializer, record); }
        catch (Exception error) { throw new BrookException($"The new data of row '{row.RowId}' cannot be serialized: {error.Message}", error); }
        return ByRecord(row, record.WrittenMemory, engine);
    }

    /// <summary>Another event in its place.</summary>
    public static ParkedEvent ByRecord(ParkedEvent row, ReadOnlyMemory<byte> record, BrookEngine engine)
    {
        var now = EventEnvelope.Read(record, row.Position, row.Since);
        if (now.Error is { } error) throw Refused(row, error);
        if (record.Length > engine.Options.MaxEventBytes) throw Refused(row, string.Create(CultureInfo.InvariantCulture, $"it has {record.Length:N0} bytes, and the limit is {engine.Options.MaxEventBytes:N0} (MaxEventBytes)"));
        if (now.Key is not null && row.Key is not null && now.Key != row.Key) throw Refused(row, $"its key is '{Names.Show(now.Key)}', and the row's is '{Names.Show(row.Key)}': it keeps its place in the order of its key");
        if (row.Id != default && now.Id != default && now.Id != row.Id) throw Refused(row, $"its id is {now.Id} and the row's is {row.Id}: it stays the same event");
        var type = engine.Types.Find(now.Type, out var isMapped);
        if (!isMapped && !engine.Types.HandlesUnmapped) throw Refused(row, $"nobody maps the event type '{now.Type}'");
        try { type.Decode(in now, engine.Serializer); }
        catch (Exception e) { throw Refused(row, $"its data is not a {(isMapped ? type.DataType.Name : "JSON value")}: {e.Message}"); }
        return row with { Event = record, Type = now.Type, Id = now.Id == default ? row.Id : now.Id };
    }

    private static BrookException Refused(ParkedEvent row, string reason) => new($"Row '{row.RowId}' cannot be replaced by that, and stays as it is: {reason.TrimEnd('.')}. Correct it and call again.");

    /// <summary>JSON that somebody has edited is data already.</summary>
    private sealed class AsItIs : IBrookSerializer
    {
        public static readonly AsItIs Instance = new();

        public void Write<T>(T value, IBufferWriter<byte> json)
        {
            using var writer = new Utf8JsonWriter(json);
            ((JsonElement)(object)value!).WriteTo(writer);
        }

        public T? Read<T>(ReadOnlySpan<byte> json) => throw new NotSupportedException();
    }
}
