using System.Diagnostics;
using Brook.MassTransit.Testing;
using Brook.MassTransit.Tests.Shared;
using Brook.MassTransit.Tests.Support;
using MassTransit.Logging;

namespace Brook.MassTransit.Tests.Diagnostics;

public sealed class TraceTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task One_trace_leads_from_the_caller_over_MassTransits_spans_to_the_handler()
    {
        using var spans = new Spans(DiagnosticHeaders.DefaultListenerName);
        await using var harness = await BrookTestHarness.StartAsync(brook => brook.AddHandler<OrderHandler>(), cancellationToken: Token);

        using (spans.Caller()) await harness.SendAsync("order:placed", new OrderPlaced("1", 2), cancellationToken: Token);

        await Waiting.UntilAsync(() => spans.Named("process brook/0").Count == 1);
        var (send, handle, batch) = (Assert.Single(spans.Named("send brook/0")), Assert.Single(spans.Named("handle order:placed")), Assert.Single(spans.Named("process brook/0")));
        Assert.Equal((spans.Root.TraceId, spans.Root.SpanId), (send.TraceId, send.ParentSpanId));
        Assert.Equal((spans.Root.TraceId, spans.Root.SpanId), (handle.TraceId, handle.ParentSpanId));
        var sent = Assert.Single(spans.Of("MassTransit"), span => span.Kind == ActivityKind.Producer);
        Assert.Equal(send.SpanId, sent.ParentSpanId);
        Assert.Equal(spans.Root.TraceId, batch.TraceId);                                       // under MassTransit's receive, which is under its send
        Assert.Equal(spans.Root.SpanId, Assert.Single(batch.Links).Context.SpanId);
        Assert.Equal(batch.SpanId, Assert.Single(handle.Links).Context.SpanId);
    }

    [Fact]
    public async Task A_batch_links_to_every_trace_that_its_events_come_from()
    {
        using var spans = new Spans();
        await using var harness = await BrookTestHarness.StartAsync(brook => brook.AddHandler<OrderHandler>(), cancellationToken: Token);
        var traces = Enumerable.Range(0, 100).Select(i => $"00-{ActivityTraceId.CreateRandom()}-{ActivitySpanId.CreateRandom()}-01").ToList();
        BrookEvent Placed(string trace, int i) => new BrookEvent<OrderPlaced>("order:placed", new OrderPlaced($"{i}", 1)) { Headers = new Dictionary<string, string> { [BrookEvent.TraceHeader] = trace } };

        using (spans.Caller()) { }
        await harness.SendAsync(traces.SelectMany((trace, i) => new[] { Placed(trace, 2 * i), Placed(trace, (2 * i) + 1) }).Append(Placed($"00-{spans.Root.TraceId}-{spans.Root.SpanId}-01", 0)).Reverse(), Token);

        await Waiting.UntilAsync(() => spans.Named("process brook/0").Count == 1);
        Assert.Equal(64, spans.Named("process brook/0")[0].Links.Select(link => link.Context.TraceId).Distinct().Count());
    }
}
