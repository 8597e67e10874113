using Microsoft.Extensions.Logging;

namespace Brook.Testing;

/// <summary>A lane asks a store that fails again and again, for ever: a run that does so is ended, and the last error that was logged says why.</summary>
internal sealed class CallLimit(CancellationTokenSource ending, int events) : ILoggerFactory, ILogger
{
    private const int MaxCalls = 5_000, MaxCallsPerEvent = 100;
    private readonly int _max = MaxCalls + (events * MaxCallsPerEvent);
    private int _calls;
    private volatile string? _lastError;

    public string? Exceeded => Volatile.Read(ref _calls) <= _max ? null : $"the store is asked without end{(_lastError is { } error ? $": {error}" : "")}";

    public void Count()
    {
        if (Interlocked.Increment(ref _calls) > _max) ending.Cancel();
    }

    public void AddProvider(ILoggerProvider provider) { }

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (exception is not null) _lastError = exception.Message;
    }

    public void Dispose() { }
}
