using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Brook.Lanes;

namespace Brook;

/// <summary>Bytes -> events. One that cannot be read stays in the batch, failed.</summary>
internal sealed class Decoder(LaneContext lane)
{
    /// <summary>Null, or why the lane must stop in front of this batch.</summary>
    public string? Decode(ReadOnlyMemory<EventEnvelope> received, Guid cutMessage)
    {
        var batch = lane.Batch;
        batch.Start(received, cutMessage);
        (batch[0].Attempts, lane.TriedBefore) = (lane.TriedBefore, 0);
        string? unknown = null;
        for (var i = 0; i < batch.Count; i++)
        {
            ref readonly var raw = ref received.Span[i];
            ref var item = ref batch[i];
            item.Key = raw.Key;
            item.IsReplay = raw.SentAt != default && raw.SentAt < lane.Options.ReplayUntil;
            if (raw.Error is { } error)
            {
                item.Rule = RetryRule.Unreadable;
                batch.Refuse(i, new BrookException(Names.OneLine(error, Names.MaxReason)));
                continue;
            }
            if (EventLimits.Over(in raw, lane.Options.ReceiveLimit) is { } over)
            {
                item.Rule = RetryRule.Unreadable;
                Refuse(i, new BrookException($"The event is over a limit: {over}. It is kept as it came. Correct its sender."));
                continue;
            }
            item.Type = lane.Engine.Types.Find(raw.Type, out var mapped);
            try
            {
                item.Event = Read(in raw, item.Type);
                item.Key = item.Event.Key;
            }
            catch (BrookException e)
            {
                Refuse(i, e);
                continue;
            }
            catch (Exception e)
            {
                var data = mapped ? item.Type.DataType.Name : "JSON value";
                batch.Refuse(i, new BrookException($"The data of a '{Names.Show(raw.Type)}' event is not a {data}: {Names.OneLine(e.Message, Names.MaxReason)} Send data of that shape, or map the type to another .NET type.", e));
                continue;
            }
            if (!mapped && !lane.Engine.Types.HandlesUnmapped) unknown ??= Unknown(i, raw.Type);
        }
        return unknown;
    }

    /// <summary>The event's handlers never get it. Where its data is an object so far, the event is made all the same: its row keeps it.</summary>
    private void Refuse(int index, BrookException reason)
    {
        ref readonly var raw = ref lane.Batch.Raw.Span[index];
        if (raw.Record.IsEmpty && raw.Message is not null) lane.Batch[index].Event = lane.Engine.Types.Find(raw.Type, out _).Decode(in raw, lane.Engine.Serializer, keyed: false);
        lane.Batch.Refuse(index, reason);
    }

    private BrookEvent Read(in EventEnvelope raw, EventType type)
    {
        try { return WithId(type.Decode(in raw, lane.Engine.Serializer)); }
        catch (Exception) when (!raw.Record.IsEmpty && EventReader.ReadAny(raw.Record, raw.Position, raw.SentAt) is { Error: null } again && !again.Data.Span.SequenceEqual(raw.Data.Span))
        {
            return WithId(type.Decode(in again, lane.Engine.Serializer));       // a foreign sender put fields behind the data
        }
    }

    private string? Unknown(int index, string type)
    {
        if (lane.Engine.IsNewUnknownType(type)) Log.UnknownType(lane.Logger, lane.Engine.DisplayName, Names.Show(type), lane.UnknownEvents);
        type = Names.Show(type);
        switch (lane.UnknownEvents)
        {
            case UnknownEventPolicy.Park:
                lane.Batch.Refuse(index, new BrookException($"No handler maps the event type '{type}'. Map it with brook.Event<T>(\"{type}\"); it is kept until then."));
                return null;
            case UnknownEventPolicy.Fail:
                return $"an event of type '{type}' came, which nobody maps (UnknownEvents is Fail). Start a version that maps it with brook.Event<T>(\"{type}\")";
            default:
                return null;
        }
    }

    /// <summary>A foreign sender may leave the id out: where the event stands names it as well.</summary>
    private static BrookEvent WithId(BrookEvent e)
    {
        if (e.Id != default) return e;
        var seed = new byte[24 + Encoding.UTF8.GetByteCount(e.Position.Lane ?? "")];
        e.Position.MessageId.TryWriteBytes(seed);
        BinaryPrimitives.WriteInt64BigEndian(seed.AsSpan(16), e.Position.Offset);
        Encoding.UTF8.GetBytes(e.Position.Lane ?? "", seed.AsSpan(24));
        return e.Stamped(new Guid(SHA256.HashData(seed).AsSpan(0, 16)), callersId: false, e.Author, e.CreatedAt, e.Headers);
    }
}
