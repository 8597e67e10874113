// A git repository as an event stream: its history goes through Brook, and the view of the files must be what git itself lists.
using System.Diagnostics;
using Brook;
using GitHistory;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

const int Proven = 0, Differs = 1, CannotRun = 2, Stopped = 130;

if (args is not ([] or [not ['-', ..]]))
{
    var asked = args is ["-h" or "--help"];
    (asked ? Console.Out : Console.Error).WriteLine("usage: dotnet run --project examples/1-git-history [-- PATH]   (PATH: a directory in a git repository; default: the current one)");
    return asked ? 0 : CannotRun;
}
try
{
    var repository = await Repository.OpenAsync(args is [var path] ? path : ".");
    Report.Begin(repository);

    using var host = Setup.BuildHost();
    await host.StartAsync();
    try { return await RunAsync(repository, host.Services); }
    finally { await host.StopAsync(); }
}
catch (Exception e) when (e is GitException or BrookException)
{
    Console.Error.WriteLine(e.Message);
    return CannotRun;
}
catch (OperationCanceledException)
{
    Console.Error.WriteLine("Stopped before the end: nothing is proven.");
    return Stopped;
}

static async Task<int> RunAsync(Repository repository, IServiceProvider services)
{
    var (brook, view, parked) = (services.GetRequiredService<IBrook>(), services.GetRequiredService<IBrookView>(), services.GetRequiredService<IParkedEvents>());
    var stop = services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;

    var watch = Stopwatch.StartNew();
    var done = await Report.WithBarAsync(repository.Commits, applied => Feed.RunAsync(brook, view, repository, applied, stop));
    watch.Stop();
    await Report.ShowAsync(view, stop);
    Report.Throughput(done, watch.Elapsed);

    var setAside = await parked.CountAsync(stop);
    if (setAside > 0) await Report.SetAsideAsync(parked, setAside, stop);
    var sent = new Work(done.Commits, done.Events - done.Commits);
    var (authors, days) = (await Proof.SumAsync(view, CommitsHandler.Authors, stop), await Proof.SumAsync(view, CommitsHandler.Days, stop));
    Report.Sums(sent, authors, days);
    var proof = await Proof.CheckAsync(view, repository, stop);
    Report.Verdict(proof);
    return proof.Holds && setAside == 0 && authors == sent && days == sent ? Proven : Differs;
}
