using System.Globalization;

namespace Brook;

/// <summary>Plain data of one instance. Every value has a default (docs/defaults.md); all are checked once, when the instance is added, and all errors are reported together.</summary>
public sealed class BrookOptions
{
    /// <summary>Keeps every event of a type: a log limit.</summary>
    public const int KeepAll = int.MaxValue;

    /// <summary>Who sends: stamped on events without an author.</summary>
    /// <value>The default is the entry assembly's name.</value>
    public string Author { get; set; } = System.Reflection.Assembly.GetEntryAssembly()?.GetName().Name ?? "brook";

    /// <summary>How long an asynchronous handler may take: then it is cancelled, abandoned, and counts as failed. A synchronous one cannot be stopped.</summary>
    /// <value>The default is 5 seconds.</value>
    public TimeSpan HandlerTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How often a failing event is tried in all before it is set aside.</summary>
    /// <value>The default is 3.</value>
    public int HandlerAttempts { get; set; } = 3;

    /// <summary>The pause after the first failed attempt; doubles with each one, up to 30 seconds, give or take a fifth.</summary>
    /// <value>The default is 100 milliseconds.</value>
    public TimeSpan RetryDelay { get; set; } = TimeSpan.FromMilliseconds(100);

    /// <summary>When an event that was set aside is tried again by itself; doubles with each try, up to <see cref="ParkedRetryMaxDelay"/>, give or take a fifth. Zero: not by itself.</summary>
    /// <value>The default is 1 minute.</value>
    public TimeSpan ParkedRetryDelay { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>The longest pause between such tries.</summary>
    /// <value>The default is 1 hour.</value>
    public TimeSpan ParkedRetryMaxDelay { get; set; } = TimeSpan.FromHours(1);

    /// <summary>How many events a lane has set aside at most, give or take a batch: then it stands still until there is room.</summary>
    /// <value>The default is 10,000.</value>
    public int MaxParkedEvents { get; set; } = 10_000;

    /// <summary>How many events are committed together at most.</summary>
    /// <value>The default is 500.</value>
    public int BatchEvents { get; set; } = 500;

    /// <summary>How many bytes of events are committed together at most; a larger event goes alone.</summary>
    /// <value>The default is 256 kB (262,144).</value>
    public int BatchBytes { get; set; } = 256 * 1024;

    /// <summary>The largest event that can be sent, in bytes of its JSON.</summary>
    /// <value>The default is 1 MB (1,048,576).</value>
    public int MaxEventBytes { get; set; } = 1024 * 1024;

    /// <summary>The largest event that is received, in bytes as it comes; on a bus the largest message. A larger one is not looked into: an event is set aside, a message goes to the error queue. Never less than <see cref="MaxEventBytes"/>.</summary>
    /// <value>The default is 16 MB (16,777,216).</value>
    public int MaxReceivedBytes { get; set; } = 16 * 1024 * 1024;

    /// <summary>How many sent events may be unhandled on a transport that lives in this process before sending waits.</summary>
    /// <value>The default is 100,000.</value>
    public int MaxUnhandledEvents { get; set; } = 100_000;

    /// <summary>
    /// An event that was sent before this is replayed: it changes the view, and what its handlers send (<see cref="Change.Send{T}"/>) stays unsent, because it left when the event was first handled.
    /// For a view that is built anew from its stream. The time is that of sending as the transport has it; it may stay set when the replay is over.
    /// </summary>
    /// <value>The default is null: nothing is.</value>
    public DateTimeOffset? ReplayUntil { get; set; }

    /// <summary>What becomes of an event whose type nobody mapped and no untyped handler takes.</summary>
    /// <value>The default is <see cref="UnknownEventPolicy.Ignore"/>.</value>
    public UnknownEventPolicy UnknownEvents { get; set; }

    /// <summary>How many events of each type an entry's log keeps; 0 logs nothing, <see cref="KeepAll"/> keeps all.</summary>
    /// <value>The default is 100.</value>
    public int LogLimit { get; set; } = 100;

    /// <summary>Limits of single event types, instead of <see cref="LogLimit"/>.</summary>
    /// <value>Empty by default.</value>
    public IDictionary<string, int> LogLimits { get; } = new Dictionary<string, int>();

    /// <summary>How many of a lane's last messages are recognised when they come again.</summary>
    /// <value>The default is 10,000.</value>
    public int RememberedMessages { get; set; } = 10_000;

    /// <summary>How many of a lane's last event ids that callers set are recognised when they come again.</summary>
    /// <value>The default is 100,000.</value>
    public int RememberedEvents { get; set; } = 100_000;

    /// <summary>How many message ids each of two generations holds where several consumers share an endpoint (ordinary messages).</summary>
    /// <value>The default is 250,000.</value>
    public int RememberedSharedMessages { get; set; } = 250_000;

    /// <summary>What is sent is received: one byte more for the end of its line.</summary>
    internal int ReceiveLimit => Math.Max(MaxReceivedBytes, MaxEventBytes + 1);

    /// <summary>A lane that is further behind its source than this is lagging (<see cref="BrookState.Lagging"/>); on RabbitMQ it counts messages.</summary>
    /// <value>The default is 10,000.</value>
    public long LaggingEvents { get; set; } = 10_000;

    /// <summary>A lane whose oldest event at work was sent longer ago than this is lagging.</summary>
    /// <value>The default is 1 minute.</value>
    public TimeSpan LaggingAge { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>A lane is stalled when something waits and nothing has happened for this long. More than <see cref="HandlerTimeout"/>, or every slow handler stalls its lane.</summary>
    /// <value>The default is 1 minute.</value>
    public TimeSpan StalledAfter { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>How many events may be set aside before the instance's health is degraded.</summary>
    /// <value>The default is 0.</value>
    public long ToleratedParkedEvents { get; set; }

    /// <summary>Exceptions that another attempt would not change.</summary>
    internal List<Func<Exception, bool>> FinalErrors { get; } = [];

    /// <summary>Brook's own exceptions may have the handler's inside.</summary>
    internal bool IsFinal(Exception error) => FinalErrors.Count > 0 && FinalErrors.Exists(isFinal => isFinal(error) || (error is BrookException { InnerException: { } inner } && isFinal(inner)));

    internal int LogLimitOf(string type) => LogLimits.TryGetValue(type, out var limit) ? limit : LogLimit;

    internal void Validate(string instance)
    {
        var errors = new List<string>();
        void Check(bool holds, string name, object value, string rule)
        {
            if (!holds) errors.Add(string.Create(CultureInfo.InvariantCulture, $"{name} is {value}; it must be {rule}."));
        }
        Check(!string.IsNullOrWhiteSpace(Author) && !Names.IsLonger(Author, EventLimits.MaxAuthorBytes), nameof(Author), $"'{Names.Show(Author)}'", "a name of 1,024 bytes at most");
        Check(HandlerTimeout > TimeSpan.Zero && HandlerTimeout <= TimeSpan.FromDays(1), nameof(HandlerTimeout), HandlerTimeout, "positive, one day at most");
        Check(HandlerAttempts >= 1, nameof(HandlerAttempts), HandlerAttempts, "1 or more");
        Check(RetryDelay >= TimeSpan.Zero && RetryDelay <= TimeSpan.FromSeconds(30), nameof(RetryDelay), RetryDelay, "between zero and 30 seconds");
        Check(ParkedRetryDelay >= TimeSpan.Zero && ParkedRetryDelay <= TimeSpan.FromDays(1), nameof(ParkedRetryDelay), ParkedRetryDelay, "between zero and one day");
        Check(ParkedRetryMaxDelay >= ParkedRetryDelay && ParkedRetryMaxDelay <= TimeSpan.FromDays(7), nameof(ParkedRetryMaxDelay), ParkedRetryMaxDelay, "between ParkedRetryDelay and 7 days");
        Check(MaxParkedEvents is >= 1 and <= 1_000_000, nameof(MaxParkedEvents), MaxParkedEvents, "between 1 and 1,000,000");
        Check(BatchEvents is >= 1 and <= 10_000, nameof(BatchEvents), BatchEvents, "between 1 and 10,000");
        Check(BatchBytes is >= 1024 and <= 64 * 1024 * 1024, nameof(BatchBytes), BatchBytes, "between 1 kB and 64 MB");
        Check(MaxEventBytes is >= 1024 and <= 64 * 1024 * 1024, nameof(MaxEventBytes), MaxEventBytes, "between 1 kB and 64 MB");
        Check(MaxReceivedBytes is >= 1024 and <= 128 * 1024 * 1024, nameof(MaxReceivedBytes), MaxReceivedBytes, "between 1 kB and 128 MB");
        Check(MaxUnhandledEvents >= 1, nameof(MaxUnhandledEvents), MaxUnhandledEvents, "1 or more");
        Check(Enum.IsDefined(UnknownEvents), nameof(UnknownEvents), UnknownEvents, "a value of UnknownEventPolicy");
        Check(LogLimit >= 0, nameof(LogLimit), LogLimit, "0 or more (BrookOptions.KeepAll keeps all)");
        foreach (var (type, limit) in LogLimits) Check(limit >= 0, $"LogLimits[\"{type}\"]", limit, "0 or more (BrookOptions.KeepAll keeps all)");
        Check(RememberedMessages is >= 1 and <= 10_000_000, nameof(RememberedMessages), RememberedMessages, "between 1 and 10,000,000");
        Check(RememberedEvents is >= 1 and <= 10_000_000, nameof(RememberedEvents), RememberedEvents, "between 1 and 10,000,000");
        Check(RememberedSharedMessages is >= 1 and <= 100_000_000, nameof(RememberedSharedMessages), RememberedSharedMessages, "between 1 and 100,000,000");
        Check(LaggingEvents >= 0, nameof(LaggingEvents), LaggingEvents, "0 or more");
        Check(LaggingAge > TimeSpan.Zero, nameof(LaggingAge), LaggingAge, "positive");
        Check(StalledAfter > TimeSpan.Zero && StalledAfter <= TimeSpan.FromDays(1), nameof(StalledAfter), StalledAfter, "positive, one day at most");
        Check(ToleratedParkedEvents >= 0, nameof(ToleratedParkedEvents), ToleratedParkedEvents, "0 or more");
        if (errors.Count > 0) throw new BrookException($"The options of Brook instance '{Names.OfInstance(instance)}' are not valid:{string.Concat(errors.Select(error => $"\n  - {error}"))}");
    }
}

/// <summary>What to do with an event whose type nobody mapped.</summary>
public enum UnknownEventPolicy
{
    /// <summary>It is counted, and warned of once per type; the view stays as it is.</summary>
    Ignore,

    /// <summary>It is set aside as if its handler had failed.</summary>
    Park,

    /// <summary>Its lane stops there, says so, and goes on when a version that knows the type is started.</summary>
    Fail,
}
