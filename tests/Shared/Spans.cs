using System.Collections.Concurrent;
using System.Diagnostics;

namespace Brook.MassTransit.Tests.Shared;

/// <summary>The spans of Brook and of other sources while a test runs: those of one trace, and those that link to it.</summary>
internal sealed class Spans : IDisposable
{
    private static readonly ActivitySource s_caller = new("Brook.Tests.Caller");
    private readonly ConcurrentQueue<Activity> _ended = [];
    private readonly ActivityListener _listener;

    public Spans(params string[] sources)
    {
        _listener = new()
        {
            ShouldListenTo = source => source.Name is "Brook" or "Brook.Tests.Caller" || sources.Contains(source.Name),
            Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = _ended.Enqueue,
        };
        ActivitySource.AddActivityListener(_listener);
    }

    /// <summary>The span of who sends.</summary>
    public Activity Root { get; private set; } = null!;

    public Activity Caller() => Root = s_caller.StartActivity("caller")!;

    public IReadOnlyList<Activity> Named(string name) => [.. _ended.Where(span => span.DisplayName == name && Concerns(span))];

    public IReadOnlyList<Activity> Of(string source) => [.. _ended.Where(span => span.Source.Name == source && Concerns(span))];

    public void Dispose() => _listener.Dispose();

    private bool Concerns(Activity span) => span.TraceId == Root.TraceId || span.Links.Any(link => link.Context.TraceId == Root.TraceId);
}
