using System.Net.Mime;
using System.Text;
using Brook.MassTransit.Testing;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;

namespace Brook.MassTransit.Tests.Support;

/// <summary>Puts messages on a stream by hand: what a broken, foreign or later sender would put there.</summary>
internal static class StreamMessages
{
    public static async Task PutAsync(this BrookTestHarness harness, string body, Guid? messageId = null, string stream = "brook", int partition = 0, int partitions = 1, string? version = "1", string contentType = "application/x-ndjson")
    {
        var lines = Encoding.UTF8.GetBytes(body);
        var count = body.Split('\n').Count(line => !string.IsNullOrWhiteSpace(line));
        var endpoint = await harness.Services.GetRequiredService<IBus>().GetSendEndpoint(new Uri($"exchange:brook.{stream}?type=Direct"));
        harness.Services.GetRequiredKeyedService<BusBrook>("").Backlog.Sent(count);       // so that WhenIdleAsync waits for it
        await endpoint.Send(new StreamMessage(lines), Pipe.Execute<SendContext<StreamMessage>>(context =>
        {
            context.Serializer = new StreamSerializer(new ContentType(contentType));
            context.MessageId = messageId ?? NewId.NextGuid();
            context.SetRoutingKey($"{partition}");
            new StreamHeaders(version, stream, partitions, count, TimeProvider.System.GetUtcNow(), null).WriteTo(context.Headers);
        }), TestContext.Current.CancellationToken);
    }

    public static string Line(string type, string data, string key, string? id = null)
        => $$"""{"{{(id is null ? "auto_id" : "id")}}":"{{id ?? Guid.CreateVersion7().ToString()}}","type":"{{type}}","author":"test","create_ts":1591619696123,"key":"{{key}}","data":{{data}}{{"}"}}""";
}
