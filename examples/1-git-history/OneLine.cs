using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace GitHistory;

/// <summary>A log message is a line here, and of an exception its text: what to do stands in it.</summary>
public sealed class OneLine() : ConsoleFormatter(Called)
{
    public const string Called = "one-line";

    public override void Write<TState>(in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        textWriter.Write($"{logEntry.LogLevel}: {logEntry.Formatter(logEntry.State, logEntry.Exception)}");
        textWriter.WriteLine(logEntry.Exception is { } error ? $" {error.Message}" : "");
    }
}
