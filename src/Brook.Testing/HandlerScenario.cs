using System.Diagnostics.CodeAnalysis;

namespace Brook.Testing;

/// <summary>
/// Handlers under test without a bus: given these events, when those come, then the view holds this. Runs over the real engine and, unless set up otherwise,
/// the in-memory store; values are compared as JSON. Failed attempts are repeated without pauses. An event that is set aside fails the scenario unless
/// <see cref="ThenSetAside"/> expects it. Every call adds to the same scenario; it may be run several times. Not thread safe.
/// </summary>
public sealed class HandlerScenario
{
    private readonly string _name;
    private readonly Action<BrookBuilder> _configure;
    private readonly List<ScenarioEvent> _events = [];
    private readonly List<Expectation> _expectations = [];
    private readonly List<ExpectedRow> _setAside = [], _sent = [];
    private DateTimeOffset _now = DateTimeOffset.UnixEpoch.AddYears(56);
    private bool _checksSent;

    private HandlerScenario(string name, Action<BrookBuilder> configure) => (_name, _configure) = (name, configure);

    /// <summary>A scenario of one handler class.</summary>
    /// <param name="configure">More setup: services the handler needs (<see cref="BrookBuilder.Services"/>), keys of events, options; null: none.</param>
    public static HandlerScenario For<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors | DynamicallyAccessedMemberTypes.Interfaces)] THandler>(Action<BrookBuilder>? configure = null) where THandler : class
        => new(typeof(THandler).Name, brook =>
        {
            brook.AddHandler<THandler>();
            configure?.Invoke(brook);
        });

    /// <summary>A scenario of an instance with whatever handlers and options it has.</summary>
    /// <exception cref="ArgumentNullException">The callback is null.</exception>
    public static HandlerScenario For(Action<BrookBuilder> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        return new("the handlers", configure);
    }

    /// <summary>Sets the clock: when the following events happen, and what the store takes for now. The clock stands still in between.</summary>
    /// <param name="now">Begins as 2026-01-01, midnight UTC.</param>
    public HandlerScenario At(DateTimeOffset now)
    {
        _now = now;
        return this;
    }

    /// <summary>An event that happened before; it must not be set aside.</summary>
    /// <param name="data">The data of an event whose type is mapped, or a <see cref="BrookEvent"/>.</param>
    /// <param name="key">The event's key; null: that of the event, or what its mapping makes of the data.</param>
    /// <exception cref="InvalidOperationException">A <see cref="When{T}"/> came before.</exception>
    /// <exception cref="ArgumentException">A key was given for a <see cref="BrookEvent"/>, which has its own.</exception>
    public HandlerScenario Given<T>(T data, string? key = null)
    {
        if (_events.Exists(e => e.IsWhen)) throw new InvalidOperationException("Given comes before When: what is given has happened before.");
        _events.Add(ScenarioEvent.Of(data, key, _now, isWhen: false));
        return this;
    }

    /// <summary>An event under test. Those of several calls come in order, as one batch unless the clock is set in between.</summary>
    /// <param name="data">The data of an event whose type is mapped, or a <see cref="BrookEvent"/>.</param>
    /// <param name="key">The event's key; null: that of the event, or what its mapping makes of the data.</param>
    /// <exception cref="ArgumentException">A key was given for a <see cref="BrookEvent"/>, which has its own.</exception>
    public HandlerScenario When<T>(T data, string? key = null)
    {
        _events.Add(ScenarioEvent.Of(data, key, _now, isWhen: true));
        return this;
    }

    /// <summary>The entry holds this value; compared as JSON, the order of properties does not matter. A null is a stored null.</summary>
    public HandlerScenario Then<T>(ViewCollection<T> collection, string key, T expected)
    {
        ArgumentNullException.ThrowIfNull(collection);
        return Expect($"{collection.Name}/{key}", async (run, cancellationToken) => Mismatch.BetweenJson(run.Json(expected), await run.StoredAsync(collection.Name, key, cancellationToken)));
    }

    /// <summary>There is no such entry.</summary>
    public HandlerScenario ThenMissing<T>(ViewCollection<T> collection, string key)
    {
        ArgumentNullException.ThrowIfNull(collection);
        return Expect($"{collection.Name}/{key}", async (run, cancellationToken) => Mismatch.Between("nothing", await run.StoredAsync(collection.Name, key, cancellationToken) ?? "nothing"));
    }

    /// <summary>The collection has so many entries.</summary>
    public HandlerScenario ThenCount<T>(ViewCollection<T> collection, long expected)
    {
        ArgumentNullException.ThrowIfNull(collection);
        return Expect($"number of entries in {collection.Name}", async (run, cancellationToken) => Mismatch.Between($"{expected}", $"{await run.View.CountAsync(collection, cancellationToken)}"));
    }

    /// <summary>The entry's log has events of exactly these types, oldest first. No types: it is empty.</summary>
    public HandlerScenario ThenLogged<T>(ViewCollection<T> collection, string key, params string[] types)
    {
        ArgumentNullException.ThrowIfNull(collection);
        ArgumentNullException.ThrowIfNull(types);
        return Expect($"log of {collection.Name}/{key}", async (run, cancellationToken) =>
            Mismatch.Between(Listed(types), Listed((await run.View.GetEventsAsync(collection, key, null, cancellationToken)).Select(e => e.Type))));
    }

    /// <summary>An event was set aside, because it failed or stands behind a failed one of its key. Call once for each, in order: there must be no others.</summary>
    /// <param name="type">The event's type.</param>
    /// <param name="error">What the error's message contains; null: not looked at.</param>
    public HandlerScenario ThenSetAside(string type, string? error = null)
    {
        ArgumentNullException.ThrowIfNull(type);
        _setAside.Add(new(_ => error is null ? type : $"{type}: ...{error}...", (_, found) => found.Type == type && (error is null || found.Detail.Contains(error, StringComparison.Ordinal))));
        return this;
    }

    /// <summary>The When events sent an event of this type (<see cref="Change.Send{T}"/>). Call once for each, in order: there must be no others. What is sent is not handled here.</summary>
    public HandlerScenario ThenSent(string type)
    {
        ArgumentNullException.ThrowIfNull(type);
        _sent.Add(new(_ => type, (_, found) => found.Type == type));
        return ChecksSent();
    }

    /// <summary>As the other, and the sent event has this data and key; a null key is none.</summary>
    public HandlerScenario ThenSent<T>(string type, T data, string? key = null)
    {
        ArgumentNullException.ThrowIfNull(type);
        _sent.Add(new(run => new FoundRow(type, key, run.Json(data)).ToString(), (run, found) => found.Type == type && found.Key == key && Mismatch.SameJson(run.Json(data), found.Detail)));
        return ChecksSent();
    }

    /// <summary>The When events sent nothing.</summary>
    public HandlerScenario ThenNothingSent() => ChecksSent();

    /// <summary>The When events changed nothing, sent nothing and were not set aside.</summary>
    public HandlerScenario ThenDiscarded() => Expect("what became of the events", (run, _) => new(run.When is { Applied: 0, SetAside: 0 }
        ? null
        : new Mismatch("all discarded", $"{run.When.Applied} applied, {run.When.Discarded} discarded, {run.When.Duplicates} known before, {run.When.SetAside} set aside")));

    /// <summary>Whatever else is to be looked at; it throws when it does not hold.</summary>
    /// <exception cref="ArgumentNullException">The callback is null.</exception>
    public HandlerScenario Then(Func<IBrookView, CancellationToken, Task> check)
    {
        ArgumentNullException.ThrowIfNull(check);
        return Expect("", async (run, cancellationToken) =>
        {
            await check(run.View, cancellationToken);
            return null;
        });
    }

    /// <summary>Runs it, each time on handlers and a store made anew.</summary>
    /// <exception cref="HandlerScenarioException">Something is not as expected, or the handlers did not end within 30 seconds.</exception>
    /// <exception cref="BrookException">The setup is not valid, or an event's type is not mapped.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task RunAsync(CancellationToken cancellationToken = default)
    {
        var run = await ScenarioRun.StartAsync(_name, _configure, _events.Count > 0 ? _events[0].At : _now, cancellationToken);
        await using (run)
        {
            await run.HandleAsync(_events, cancellationToken);
            run.SetClock(_now);
            Expectation[] all =
            [
                new("events set aside", (_, _) => new(Mismatch.BetweenRows(_setAside, run.SetAside, run))),
                .. _expectations,
                .. _checksSent ? [new Expectation("events sent", (_, _) => new(Mismatch.BetweenRows(_sent, run.Sent, run)))] : Array.Empty<Expectation>(),
            ];
            await run.CheckAsync(all, cancellationToken);
        }
    }

    internal static string Listed(IEnumerable<string> items) => string.Join(", ", items) is { Length: > 0 } list ? list : "none";

    private HandlerScenario Expect(string what, Func<ScenarioRun, CancellationToken, ValueTask<Mismatch?>> check)
    {
        _expectations.Add(new(what, check));
        return this;
    }

    private HandlerScenario ChecksSent()
    {
        _checksSent = true;
        return this;
    }
}
