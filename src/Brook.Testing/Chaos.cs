using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Brook.Lanes;
using Brook.Storage;

namespace Brook.Testing;

/// <summary>
/// Handlers under everything that goes wrong: duplicates, other orders across keys, crashes between any two steps, owners that are replaced, other writers, a store that is slow or away, poison.
/// After each trial the view must be the clean fold of the events, and the clean fold, made twice, must be the same. A failure shows the shortest sequence found.
/// Runs over the real engine, without a bus, on a clock of its own: nothing sleeps. Every call adds to the same setup. Not thread safe; handlers of one trial never run side by side.
/// </summary>
public sealed class Chaos
{
    private const int MaxEvents = 30;
    private readonly string _name;
    private readonly Action<BrookBuilder> _configure;
    private readonly List<Func<Random, BrookEngine, BrookEvent>> _given = [], _made = [];
    private readonly HashSet<string> _without = [];
    private Func<TimeProvider, IViewStore> _open = clock => new InMemoryViewStore(clock);
    private ChaosFaults _faults = ChaosFaults.All;
    private TimeSpan _deadline = TimeSpan.FromSeconds(30);

    private Chaos(string name, Action<BrookBuilder> configure) => (_name, _configure) = (name, configure);

    /// <summary>Chaos with one handler class.</summary>
    /// <param name="configure">More setup: services the handler needs (<see cref="BrookBuilder.Services"/>), keys of events, options; null: none. Called for each process that a trial starts. Store, clock (<see cref="TimeProvider"/>), retry delay, handler timeout and batch size are the trial's.</param>
    public static Chaos For<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors | DynamicallyAccessedMemberTypes.Interfaces)] THandler>(Action<BrookBuilder>? configure = null) where THandler : class
        => new(typeof(THandler).Name, brook =>
        {
            brook.AddHandler<THandler>();
            configure?.Invoke(brook);
        });

    /// <summary>Chaos with an instance, whatever handlers and options it has.</summary>
    /// <exception cref="ArgumentNullException">The callback is null.</exception>
    public static Chaos For(Action<BrookBuilder> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        return new("the handlers", configure);
    }

    /// <summary>An event of every trial. Those of several calls come first, in order; the shortest failing sequence may lack some.</summary>
    /// <param name="data">The data of an event whose type is mapped, or a <see cref="BrookEvent"/>.</param>
    /// <param name="key">The event's key; null: that of the event, or what its mapping makes of the data.</param>
    /// <exception cref="ArgumentException">A key was given for a <see cref="BrookEvent"/>, which has its own.</exception>
    public Chaos Given<T>(T data, string? key = null)
    {
        var e = ScenarioEvent.Of(data, key, default, isWhen: false);
        _given.Add((_, engine) => e.Make(engine));
        return this;
    }

    /// <summary>A kind of event, made at random. Trials draw from all kinds evenly; few different keys find more.</summary>
    /// <param name="make">Makes the data (or a <see cref="BrookEvent"/>) from random numbers, and from nothing else: the same numbers give the same event. Small numbers are taken for simple.</param>
    /// <param name="key">The event's key, from its data; null: that of the event, or what its mapping makes of the data.</param>
    /// <exception cref="ArgumentNullException">The function is null.</exception>
    public Chaos Events<T>(Func<Random, T> make, Func<T, string?>? key = null)
    {
        ArgumentNullException.ThrowIfNull(make);
        _made.Add((random, engine) => make(random) is var data && data is BrookEvent e ? e : new BrookEvent<T>(engine.TypeOf<T>(), data) { Key = key?.Invoke(data) });
        return this;
    }

    /// <summary>The store to run on, instead of the in-memory one: called for each run, it gives a store that holds nothing, on this clock. It is started, and disposed of if it can be disposed of.</summary>
    /// <exception cref="ArgumentNullException">The function is null.</exception>
    public Chaos Over(Func<TimeProvider, IViewStore> open)
    {
        ArgumentNullException.ThrowIfNull(open);
        _open = open;
        return this;
    }

    /// <summary>Leaves faults out.</summary>
    public Chaos Without(ChaosFaults faults)
    {
        _faults &= ~faults;
        return this;
    }

    /// <summary>Does not look at a collection.</summary>
    /// <exception cref="ArgumentNullException">The collection is null.</exception>
    public Chaos Without<T>(ViewCollection<T> collection)
    {
        ArgumentNullException.ThrowIfNull(collection);
        _without.Add(collection.Name);
        return this;
    }

    /// <summary>How long one run may take, in real time, before it counts as one that does not end: 30 seconds unless said otherwise.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not positive.</exception>
    public Chaos Within(TimeSpan deadline)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(deadline, TimeSpan.Zero);
        _deadline = deadline;
        return this;
    }

    /// <summary>Runs trials until one fails.</summary>
    /// <param name="trials">How many; at least 1. The first ones are short.</param>
    /// <param name="seed">Makes the trials: the same seed, the same trials.</param>
    /// <param name="cancellationToken">Ends the run.</param>
    /// <returns>What was done.</returns>
    /// <exception cref="ChaosException">A trial failed: the message shows the shortest sequence found that fails.</exception>
    /// <exception cref="InvalidOperationException">There are no events.</exception>
    /// <exception cref="BrookException">The setup is not valid, or an event's type is not mapped.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task<ChaosReport> RunAsync(int trials = 200, int seed = 1, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(trials, 1);
        var (events, faults, trial) = (0L, new Dictionary<ChaosFaults, long>(), Trial());
        using var fingerprint = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (var i = 0; i < trials; i++)
        {
            var plan = await MakeAsync(trial, seed, i);
            var result = await trial.RunAsync(plan, cancellationToken);
            if (result.Failure is { } failure) throw await ShownAsync(trial, string.Create(CultureInfo.InvariantCulture, $"seed {seed}, trial {i + 1}; the shortest sequence found that fails"), plan, failure, cancellationToken);
            events += result.Events;
            foreach (var (fault, times) in result.Faults) faults[fault] = faults.GetValueOrDefault(fault) + times;
            fingerprint.AppendData(Encoding.UTF8.GetBytes(result.Image));
        }
        return new(trials, events, faults, Convert.ToHexStringLower(fingerprint.GetHashAndReset())[..16]);
    }

    /// <summary>Runs one trial again, as a failure's message has it.</summary>
    /// <param name="trial">The text in the message.</param>
    /// <param name="cancellationToken">Ends the run.</param>
    /// <exception cref="ChaosException">It fails again.</exception>
    /// <exception cref="FormatException">It is no trial, or one of other events.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task RunAgainAsync(string trial, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(trial);
        var plan = ChaosPlan.Parse(trial);
        if ((await Trial().RunAsync(plan, cancellationToken)).Failure is { } failure) throw Story.Of(_name, "run again", plan, failure, repeats: true);
    }

    private Trial Trial()
    {
        if (_given.Count + _made.Count == 0) throw new InvalidOperationException("Chaos has no events. Add some with Given, or a kind of them with Events.");
        return new(_configure, [.. _given, .. _made], _open, _without, _deadline);
    }

    private async Task<ChaosPlan> MakeAsync(Trial trial, int seed, int index)
    {
        var idle = trial.Idle();
        await using (idle)
            return PlanMaker.Make(HashCode(seed, index), _given.Count, _given.Count + _made.Count, Math.Min(MaxEvents, 3 + index), _faults, (source, random) => (source < _given.Count ? _given[source] : _made[source - _given.Count])(random, idle.Engine));
    }

    private static int HashCode(int seed, int index) => unchecked((seed * 1_000_003) + index);

    private async Task<ChaosException> ShownAsync(Trial trial, string found, ChaosPlan plan, Failure failure, CancellationToken cancellationToken)
    {
        var (shortest, shown) = await new Shrinker(trial, cancellationToken).ShrinkAsync(plan, failure);
        return Story.Of(_name, found, shortest, shown, (await trial.RunAsync(shortest, cancellationToken)).Failure is not null);
    }
}
