using System.Diagnostics;
using Brook.MassTransit.RabbitMq.Tests.Support;
using MassTransit.Logging;

namespace Brook.MassTransit.RabbitMq.Tests.Diagnostics;

public sealed class TraceTests(Broker broker)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task One_trace_leads_from_the_caller_over_the_send_to_the_handler()
    {
        using var spans = new Spans(DiagnosticHeaders.DefaultListenerName);
        await using var node = await Node.StartAsync(await broker.NewHostAsync(), brook => brook.UseInMemory(perNode: true).Count());

        using (spans.Caller())
            await node.View.WaitForAsync(await node.Brook.SendAsync(Steps.Of("a", 1), Token), cancellationToken: Token);

        await Steps.UntilAsync(() => spans.Named("process brook/0").Count == 1);
        var (send, handle, batch) = (Assert.Single(spans.Named("send brook/0")), Assert.Single(spans.Named("handle step")), Assert.Single(spans.Named("process brook/0")));
        Assert.Equal((spans.Root.TraceId, spans.Root.SpanId), (send.TraceId, send.ParentSpanId));
        Assert.Equal((spans.Root.TraceId, spans.Root.SpanId), (handle.TraceId, handle.ParentSpanId));
        Assert.Equal(send.SpanId, Assert.Single(spans.Of("MassTransit"), span => span.Kind == ActivityKind.Producer && span.TraceId == spans.Root.TraceId).ParentSpanId);
        Assert.Equal(spans.Root.SpanId, Assert.Single(batch.Links).Context.SpanId);
        Assert.Equal(batch.SpanId, Assert.Single(handle.Links).Context.SpanId);
    }
}
