// A git repository as an event stream: its history goes through Brook, and the view of the files must be what git itself lists.
using System.Diagnostics;
using Brook;
using GitHistory;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

const int Proven = 0, Differs = 1, CannotRun = 2, Stopped = 130;

if (args is ["-h" or "--help"])
{
    Console.WriteLine(Arguments.Usage);
    return 0;
}
if (Arguments.Parse(args, out var error) is not { } arguments)
{
    Console.Error.WriteLine($"{error}\n\n{Arguments.Usage}");
    return CannotRun;
}
try
{
    var repository = await Repository.OpenAsync(arguments.Path);
    Report.Begin(repository);

    using var here = new HandledHere();
    using var host = Setup.BuildHost(arguments, repository);
    await Broker.PrepareAsync(arguments, repository);      // after the setup, which sees to it that Kafka's native client is the package's own
    await host.StartAsync();
    try
    {
        return arguments.IsWorker ? await HelpAsync(host.Services) : await RunAsync(repository, arguments, here, host.Services);
    }
    catch (BrookException e) when (StopOf(host.Services).IsCancellationRequested)
    {
        throw new OperationCanceledException(e.Message, e);     // the host stops: no more is taken, and what was asked for may not have been answered
    }
    finally
    {
        await host.StopAsync();
        if (arguments.IsWorker) Report.Here(here.Count);
    }
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

static CancellationToken StopOf(IServiceProvider services) => services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;

static async Task<int> HelpAsync(IServiceProvider services)
{
    Report.Helps();
    var stop = StopOf(services);
    await Task.Delay(Timeout.InfiniteTimeSpan, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);        // the lanes do the work
    return Proven;
}

static async Task<int> RunAsync(Repository repository, Arguments arguments, HandledHere here, IServiceProvider services)
{
    var durable = arguments.IsDurable;
    var (brook, view, parked) = (services.GetRequiredService<IBrook>(), services.GetRequiredService<IBrookView>(), services.GetRequiredService<IParkedEvents>());
    var stop = StopOf(services);

    var before = durable ? await Found.InViewAsync(view, stop) : Found.Nothing;
    var commits = before == Found.Nothing ? repository.Commits : repository.CommitsSince(before);
    if (before != Found.Nothing) Report.GoesOn(before, commits);

    var watch = Stopwatch.StartNew();
    var done = commits == 0 ? default : await Report.WithBarAsync(commits, applied => new Feed(new Follower(brook, view, durable, arguments.IsOnBroker), repository).RunAsync(before, durable, applied, stop));
    watch.Stop();
    await Report.ShowAsync(view, stop);
    if (commits > 0) Report.Throughput(done, watch.Elapsed);
    if (arguments.IsOnBroker) Report.Here(here.Count);

    var setAside = await parked.CountAsync(stop);
    if (setAside > 0) await Report.SetAsideAsync(parked, setAside, stop);
    var sent = before == Found.Nothing ? new Work(done.Commits, done.Events - done.Commits) : await Task.Run(() => repository.Count(stop), stop);      // over all runs
    var (authors, days) = (await Proof.SumAsync(view, CommitsHandler.Authors, stop), await Proof.SumAsync(view, CommitsHandler.Days, stop));
    Report.Sums(sent, authors, days);
    var proof = await Proof.CheckAsync(view, repository, stop);
    Report.Verdict(proof);
    return proof.Holds && setAside == 0 && authors == sent && days == sent ? Proven : Differs;
}
