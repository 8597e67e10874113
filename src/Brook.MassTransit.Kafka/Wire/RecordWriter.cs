using System.Buffers;
using System.Text;
using Brook.Elixir;
using Brook.Lanes;
using Confluent.Kafka;

namespace Brook.MassTransit.Kafka;

/// <summary>
/// Event -> record. Brook's own: the line as it is, under the event's key, no headers. For Elixir: the very bytes that Brook for Elixir writes, under the event's type, and what has no
/// place in them as headers.
/// </summary>
internal static class RecordWriter
{
    /// <summary>The event as a record, with bytes of its own.</summary>
    /// <param name="e">An event with its line.</param>
    /// <param name="format">The topic's.</param>
    public static Message<byte[]?, byte[]?> Write(in EventEnvelope e, RecordFormat format) => format.Elixir == ElixirFormat.None
        ? new() { Key = e.Key is null ? null : Encoding.UTF8.GetBytes(e.Key), Value = e.Record.ToArray() }
        : new() { Key = Encoding.UTF8.GetBytes(e.Type), Value = ElixirValue(in e, format.Elixir), Headers = ElixirHeaders(in e) };

    private static byte[] ElixirValue(in EventEnvelope e, ElixirFormat form)
    {
        var data = e.Data.IsEmpty ? EventEnvelope.Read(e.Record, e.Position, e.SentAt).Data : e.Data;     // a sender's event has its line only
        var json = new ArrayBufferWriter<byte>(data.Length + 160);
        new ElixirEnvelope(e.Type, e.Author, e.CreatedAt.ToUnixTimeMilliseconds(), data).Write(json, jsonSerde: form == ElixirFormat.JsonSerde);
        return json.WrittenSpan.ToArray();
    }

    private static Headers ElixirHeaders(in EventEnvelope e)
    {
        var headers = new Headers();
        if (e.Id != default) headers.Add(e.HasCallersId ? RecordHeaders.Id : RecordHeaders.AutoId, Encoding.ASCII.GetBytes(e.Id.ToString()));
        if (e.Key is not null) headers.Add(RecordHeaders.Key, Encoding.UTF8.GetBytes(e.Key));
        foreach (var (name, value) in e.Headers ?? BrookEvent.NoHeaders) headers.Add(RecordHeaders.HeaderPrefix + name, Encoding.UTF8.GetBytes(value));
        return headers;
    }
}
