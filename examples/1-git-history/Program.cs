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
    var (brook, view, parked) = (host.Services.GetRequiredService<IBrook>(), host.Services.GetRequiredService<IBrookView>(), host.Services.GetRequiredService<IParkedEvents>());
    var stop = host.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;

    var watch = Stopwatch.StartNew();
    var done = await Report.WithBarAsync(repository.Commits, applied => Feed.RunAsync(brook, view, repository, applied, stop));
    watch.Stop();

    await Report.ShowAsync(view, stop);
    Report.Throughput(done, watch.Elapsed);
    var setAside = await parked.CountAsync(stop);
    if (setAside > 0) await Report.SetAsideAsync(parked, setAside, stop);
    var proof = await Proof.CheckAsync(view, repository, stop);
    Report.Verdict(proof);

    await host.StopAsync();
    return proof.Holds && setAside == 0 ? Proven : Differs;
}
catch (GitException e)
{
    Console.Error.WriteLine(e.Message);
    return CannotRun;
}
catch (OperationCanceledException)
{
    Console.Error.WriteLine("Stopped before the end: nothing is proven.");
    return Stopped;
}
