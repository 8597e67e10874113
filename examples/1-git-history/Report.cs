using System.Globalization;
using Brook;
using Spectre.Console;

namespace GitHistory;

/// <summary>What the program shows. On a terminal with colours and a bar that moves; into a file or a pipe plain lines.</summary>
public static class Report
{
    private const int Top = 10, MaxDifferences = 20, Id = 10, Date = 10, Type = 13, Count = 7, Gaps = 18;

    private static bool IsTerminal => AnsiConsole.Profile.Out.IsTerminal;
    private static int Width => IsTerminal ? AnsiConsole.Profile.Width : 140;
    private static int AuthorWidth => Width < 120 ? 18 : 30;

    public static void Begin(Repository repository)
    {
        if (!IsTerminal) AnsiConsole.Profile.Width = int.MaxValue / 2;     // no line is broken
        var kind = repository switch { { IsBare: true, IsShallow: true } => " (bare, shallow)", { IsBare: true } => " (bare)", { IsShallow: true } => " (shallow)", _ => "" };
        Line($"[bold]{Markup.Escape(repository.Directory)}[/]{kind} at {repository.Head[..Id]}: {Number(repository.Commits)} commits on the first-parent line");
        if (repository.IsShallow) Line("[yellow]The clone is shallow: what came before its oldest commit counts as added by it.[/]");
    }

    /// <summary>A worker is ready.</summary>
    public static void Helps() => Line("helps whoever sends this history; Ctrl+C ends it");

    /// <summary>The others were handled by other processes.</summary>
    public static void Here(long events) => Line($"{Number(events)} events were handled by this process");

    /// <summary>The view was there already.</summary>
    public static void GoesOn(HistoryRead read, int commits) => Line((commits, read.Commit) switch
    {
        (0, _) => $"the view is up to date: it has the history up to {read.Commit[..Id]}, {Number(read.Commits)} commits",
        (_, "") => $"the view has the beginning of the history up to {read.Head[..Id]}; all commits are sent again, and what is known counts once",
        _ => $"the view has the history up to {read.Commit[..Id]}, {Number(read.Commits)} commits; {Number(commits)} are new",
    });

    /// <summary>A bar of the commits whose events are all in the view, with the number of events beside it.</summary>
    public static async Task<Progress> WithBarAsync(int commits, Func<Action<Progress>, Task<Progress>> run)
    {
        if (!IsTerminal) return await run(Lines(commits));
        return await AnsiConsole.Progress().HideCompleted(false)
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(), new ElapsedTimeColumn())
            .StartAsync(async bar =>
            {
                var task = bar.AddTask("folding", maxValue: Math.Max(1, commits));
                return await run(done =>
                {
                    task.Description = $"{Number(done.Events),10} events";
                    task.Value = done.Commits;
                });
            });
    }

    /// <summary>Without a terminal: a line per tenth.</summary>
    private static Action<Progress> Lines(int commits)
    {
        var next = 1;
        return done =>
        {
            if (done.Commits * 10L < (long)commits * next) return;
            next = (int)(done.Commits * 10L / commits) + 1;
            Line($"{done.Commits * 100L / commits,3} % {Number(done.Events),12} events");
        };
    }

    public static async Task ShowAsync(IBrookView view, CancellationToken cancellationToken)
    {
        var files = await view.GetAllAsync(FilesHandler.Files, cancellationToken: cancellationToken)
            .OrderByDescending(file => file.Value!.Changes).ThenBy(file => file.Key, StringComparer.Ordinal).Take(Top).ToListAsync(cancellationToken);
        Table("Files changed most often", 1, ["changes", "file", "last author", "last commit"],
            files.Select(file => new[] { Number(file.Value!.Changes), End(file.Key, Width - Count - AuthorWidth - Id - Gaps), Start(file.Value.LastAuthor, AuthorWidth), file.Value.LastCommit[..Id] }));
        await ShowWorkAsync(view, CommitsHandler.Authors, "Authors", "author", cancellationToken);
        await ShowWorkAsync(view, CommitsHandler.Days, "Busiest days", "day", cancellationToken);
        if (files.Count > 0) await ShowHistoryAsync(view, files[0].Key, cancellationToken);
    }

    public static void Throughput(Progress done, TimeSpan took)
        => Line($"{Number(done.Events)} events ({Words(new(done.Commits, done.Events - done.Commits))}) in {took.TotalSeconds:0.00} s: {Number((long)(done.Events / took.TotalSeconds))} events/s");

    public static void Sums(Work sent, Work authors, Work days)
    {
        if (authors == sent && days == sent) Line($"[green]authors and days add up to what was sent: {Words(sent)}[/]");
        else Line($"[red]sums differ: {Words(sent)} sent, {Words(authors)} of authors, {Words(days)} of days[/]");
    }

    public static void Verdict(Proof proof)
    {
        if (proof.Holds)
        {
            Line(string.Create(CultureInfo.InvariantCulture, $"[green]view equals git ls-tree: {proof.Files} files[/]"));
            return;
        }
        Line($"[red]view differs from git ls-tree: {Number(proof.Missing.Count)} files missing, {Number(proof.Surplus.Count)} too many[/]");
        foreach (var (sign, path) in proof.Missing.Select(path => ('-', path)).Concat(proof.Surplus.Select(path => ('+', path))).Take(MaxDifferences)) Line($"  {sign} {Markup.Escape(path)}");
        if (proof.Missing.Count + proof.Surplus.Count > MaxDifferences) Line("  ...");
    }

    /// <summary>Events whose handler failed: the view is not what it should be.</summary>
    public static async Task SetAsideAsync(IParkedEvents parked, long count, CancellationToken cancellationToken)
    {
        Line($"[red]{Number(count)} events were set aside[/]");
        await foreach (var e in parked.ListAsync(cancellationToken: cancellationToken).Take(MaxDifferences)) Line($"  {e.Type} {Markup.Escape(e.Key ?? "")}: {Markup.Escape(e.Error)}");
    }

    private static async Task ShowWorkAsync(IBrookView view, ViewCollection<Work> collection, string title, string what, CancellationToken cancellationToken)
    {
        var most = await view.GetAllAsync(collection, cancellationToken: cancellationToken)
            .OrderByDescending(entry => entry.Value.Commits).ThenBy(entry => entry.Key, StringComparer.Ordinal).Take(Top).ToListAsync(cancellationToken);
        Table(title, 2, ["commits", "file changes", what], most.Select(entry => new[] { Number(entry.Value.Commits), Number(entry.Value.Changes), Start(entry.Key, Width - (2 * Count) - Gaps - 5) }));
    }

    private static async Task ShowHistoryAsync(IBrookView view, string file, CancellationToken cancellationToken)
    {
        var events = await view.GetEventsAsync(FilesHandler.Files, file, cancellationToken: cancellationToken);
        Table($"Event history of {End(file, Width - 40)}: {Number(Math.Min(Top, events.Count))} of {Number(events.Count)} kept", 0, ["day", "event", "commit", "author", "subject"],
            events.TakeLast(Top).Select(e => (Event: e, Commit: CommitOf(e))).Select(row => new[]
            {
                $"{row.Event.CreatedAt.UtcDateTime:yyyy-MM-dd}", row.Event.Type, row.Commit.Id[..Id], Start(row.Commit.Author, AuthorWidth),
                Start(row.Commit.Subject, Width - Date - Type - Id - AuthorWidth - Gaps),
            }));
    }

    private static Commit CommitOf(BrookEvent e) => e switch
    {
        BrookEvent<FileAdded> added => added.Data.Commit,
        BrookEvent<FileModified> modified => modified.Data.Commit,
        _ => throw new InvalidDataException($"A {e.Type} in the log of a file."),
    };

    /// <summary>The first <paramref name="numbers"/> columns are numbers.</summary>
    private static void Table(string title, int numbers, string[] columns, IEnumerable<string[]> rows)
    {
        Line($"\n[bold]{Markup.Escape(title)}[/]");
        var table = new Table().Border(TableBorder.Simple);
        foreach (var column in columns) table.AddColumn(new TableColumn(column).NoWrap());
        foreach (var number in table.Columns.Take(numbers)) number.RightAligned();
        foreach (var row in rows) table.AddRow(row.Select(cell => new Text(cell)).ToArray());
        AnsiConsole.Write(table);
    }

    private static void Line(string markup) => AnsiConsole.MarkupLine(markup);

    private static string Words(Work work) => $"{Number(work.Changes)} file changes, {Number(work.Commits)} commits";

    private static string Number(long number) => number.ToString("N0", CultureInfo.InvariantCulture);

    private static string Start(string text, int length) => text.Length <= length ? text : $"{Names.Start(text, Math.Max(1, length - 3))}...";

    /// <summary>Of a path, the end says most.</summary>
    private static string End(string path, int length) => path.Length <= length ? path : $"...{path[^Math.Max(1, length - 3)..]}";
}
