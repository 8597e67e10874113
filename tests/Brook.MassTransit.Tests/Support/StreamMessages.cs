using System.Net.Mime;
using System.Text;
using System.Threading.Channels;
using Brook.MassTransit.Testing;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;

namespace Brook.MassTransit.Tests.Support;

/// <summary>Puts messages on a stream by hand: what a broken, foreign or later sender would put there.</summary>
internal static class StreamMessages
{
    public static Task PutAsync(this BrookTestHarness harness, string body, Guid? messageId = null, string stream = "brook", int partition = 0, int partitions = 1, string? version = "1", string contentType = "application/x-ndjson", Action<SendHeaders>? headers = null)
        => harness.PutAsync(Encoding.UTF8.GetBytes(body), messageId, stream, partition, partitions, version, contentType, headers);

    /// <param name="headers">Changes what a sender would say.</param>
    public static async Task PutAsync(this BrookTestHarness harness, byte[] lines, Guid? messageId = null, string stream = "brook", int partition = 0, int partitions = 1, string? version = "1", string contentType = "application/x-ndjson", Action<SendHeaders>? headers = null)
    {
        var count = lines.AsSpan().Count((byte)'\n') + 1;
        var endpoint = await harness.Services.GetRequiredService<IBus>().GetSendEndpoint(new Uri($"exchange:brook.{stream}?type=Direct"));
        harness.Services.GetRequiredKeyedService<BusBrook>("").Backlog.Sent(count);       // so that WhenIdleAsync waits for it
        await endpoint.Send(new StreamMessage(lines), Pipe.Execute<SendContext<StreamMessage>>(context =>
        {
            context.Serializer = new StreamSerializer(new ContentType(contentType));
            context.MessageId = messageId ?? NewId.NextGuid();
            context.SetRoutingKey($"{partition}");
            new StreamHeaders(version, stream, partitions, count, TimeProvider.System.GetUtcNow(), null).WriteTo(context.Headers);
            headers?.Invoke(context.Headers);
        }), TestContext.Current.CancellationToken);
    }

    /// <summary>Bytes on the endpoint of an ordinary message.</summary>
    public static async Task PutOrdinaryAsync(this BrookTestHarness harness, byte[] body, string queue, string contentType = "application/vnd.masstransit+json", Action<SendContext>? more = null)
        => await (await harness.Services.GetRequiredService<IBus>().GetSendEndpoint(new Uri($"queue:{queue}"))).Send(new StreamMessage(body), Pipe.Execute<SendContext<StreamMessage>>(context =>
        {
            context.Serializer = new StreamSerializer(new ContentType(contentType));
            more?.Invoke(context);
        }), TestContext.Current.CancellationToken);

    /// <summary>What is in the instance's error queue, and what comes there.</summary>
    public static async Task<ChannelReader<ErrorMessage>> ErrorsAsync(this BrookTestHarness harness, string queue = "brook_error")
    {
        var moved = Channel.CreateUnbounded<ErrorMessage>();
        var handle = harness.Services.GetRequiredService<IReceiveEndpointConnector>().ConnectReceiveEndpoint(queue, (_, endpoint) =>
        {
            endpoint.ClearSerialization();
            endpoint.AddSerializer(StreamSerializer.Instance);
            endpoint.AddDeserializer(StreamSerializer.Instance, isDefault: true);
            endpoint.Handler<StreamMessage>(context =>
            {
                moved.Writer.TryWrite(new(context.Message.Lines, (string)context.ReceiveContext.TransportHeaders.Get<string>("Brook-Error")!, [.. context.ReceiveContext.TransportHeaders.GetAll()]));
                return Task.CompletedTask;
            });
        });
        await handle.Ready.WithDeadline();
        return moved.Reader;
    }

    public static string Line(string type, string data, string key, string? id = null)
        => $$"""{"{{(id is null ? "auto_id" : "id")}}":"{{id ?? Guid.CreateVersion7().ToString()}}","type":"{{type}}","author":"test","create_ts":1591619696123,"key":"{{key}}","data":{{data}}{{"}"}}""";
}

/// <summary>A message of the error queue.</summary>
internal sealed record ErrorMessage(byte[] Body, string Reason, IReadOnlyList<KeyValuePair<string, object>> Headers);
