using System.Globalization;
using System.Net.Mime;
using MassTransit;
using Microsoft.Extensions.Logging;

namespace Brook.MassTransit;

/// <summary>The instance's one error queue: a message that cannot be read at all goes there as it came, with the reason in a header.</summary>
internal sealed class ErrorQueue(StreamOptions stream, IStreamTopology topology, IBus bus, ILogger logger)
{
    /// <summary>Of the headers that are moved along. A broker takes a message's headers in one frame (128 kB); with the reason in them they still have to fit.</summary>
    private const int MaxHeaderCharacters = 64 * 1024;

    private readonly string _queue = WireContract.ErrorQueue(stream.Instance);

    /// <summary>What an endpoint of ordinary messages cannot read, or has no consumer for, comes here instead of a queue of that endpoint.</summary>
    /// <param name="endpoint">The endpoint.</param>
    /// <param name="maxBytes">Of a message; a larger one is moved before anybody looks into it.</param>
    public void TakeOver(IReceiveEndpointConfigurator endpoint, int maxBytes)
    {
        endpoint.ConfigureReceive(pipe => pipe.UseFilter(new SizeFilter(this, maxBytes)));
        endpoint.ConfigureError(pipe => pipe.UseExecuteAsync(failed => MoveAsync(failed, $"{failed.Exception.GetType().Name}: {failed.Exception.Message}")));
        endpoint.ConfigureDeadLetter(pipe => pipe.UseExecuteAsync(skipped => MoveAsync(skipped, $"It is none of the messages that this endpoint takes (content type {skipped.ContentType}). Send it to an endpoint of its type.")));
    }

    private Task MoveAsync(ReceiveContext context, string reason)
    {
        var message = new StreamDelivery(context.GetMessageId(), default, context.Body.GetBytes(), context.ContentType, context.TransportHeaders.GetAll());
        return MoveAsync(message, context.InputAddress.AbsolutePath.Split('/')[^1], reason, context.CancellationToken);
    }

    /// <summary>The message's own headers, as many as there is room for; the reason says that some are missing.</summary>
    private static List<KeyValuePair<string, object>> Movable(in StreamDelivery message, ref string reason)
    {
        var (headers, room, left) = (new List<KeyValuePair<string, object>>(), MaxHeaderCharacters, 0);
        reason = Names.OneLine(reason, Names.MaxReason);
        foreach (var header in message.AllHeaders)
        {
            if (header.Key is MessageHeaders.MessageId or MessageHeaders.ContentType) continue;
            var value = header.Value is string or bool or Guid or IFormattable ? header.Value : $"({header.Value?.GetType().Name})";       // tables and lists: brokers' own
            var size = header.Key.Length + (value is string text ? text.Length : 40);
            if (size <= room) headers.Add(new(header.Key, value));
            else left++;
            room -= size <= room ? size : 0;
        }
        if (left > 0) reason = string.Create(CultureInfo.InvariantCulture, $"{reason} {left:N0} of its headers had no room beside that and were left out.");
        return headers;
    }

    /// <summary>Ends when the queue has the message.</summary>
    public async Task MoveAsync(StreamDelivery message, string source, string reason, CancellationToken cancellationToken)
    {
        var headers = Movable(message, ref reason);
        var endpoint = await bus.GetSendEndpoint(topology.FanOutExchange(_queue)).ConfigureAwait(false);
        await endpoint.Send(new StreamMessage(message.Body.ToArray()), Pipe.Execute<SendContext<StreamMessage>>(moved =>
        {
            topology.Prepare(moved);
            moved.Serializer = new StreamSerializer(message.ContentType ?? new ContentType("application/octet-stream"));
            moved.MessageId = message.MessageId;
            foreach (var (name, value) in headers) moved.Headers.Set(name, value);
            moved.Headers.Set(WireContract.ErrorHeader, reason);
        }), cancellationToken).ConfigureAwait(false);
        Telemetry.Unreadable(stream.Instance);
        Log.Undecodable(logger, stream.Instance, message.MessageId, source, _queue, reason);
    }

    /// <summary>Before a message is deserialized.</summary>
    private sealed class SizeFilter(ErrorQueue errors, int maxBytes) : IFilter<ReceiveContext>
    {
        public Task Send(ReceiveContext context, IPipe<ReceiveContext> next) => EventLimits.OverBytes((int)Math.Min(context.Body.Length ?? 0, int.MaxValue), maxBytes) is { } over
            ? errors.MoveAsync(context, $"It is over a limit: {over}. Send a reference to what is large, or raise the limit and move the message back.")
            : next.Send(context);

        public void Probe(ProbeContext context) => context.CreateFilterScope("brookSize").Add("maxBytes", maxBytes);
    }
}
