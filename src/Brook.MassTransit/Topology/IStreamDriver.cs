using Brook.Lanes;
using MassTransit.Transports;

namespace Brook.MassTransit;

/// <summary>Brings a stream that is not on the bus (a rider's), and lives as long as the bus.</summary>
internal interface IStreamDriver : IBrookTransport, IDisposable
{
    /// <summary>Why lanes stand still.</summary>
    IEnumerable<string> Halted { get; }

    /// <summary>The bus is about to start.</summary>
    void Connect(IBusInstance bus);

    /// <summary>The bus is about to stop, and nothing can be sent any more but what handlers sent: what is at work is finished, and nothing is read from now on. Ends at once when the token is cancelled; never throws.</summary>
    Task StopAsync(CancellationToken cancellationToken);
}

/// <summary>What a driver works with.</summary>
/// <param name="Provider">The application's services.</param>
/// <param name="Builder">The instance's setup.</param>
/// <param name="Stream">The instance's name and node.</param>
/// <param name="Gate">Open while applications may send.</param>
/// <param name="Time">For pauses.</param>
internal sealed record StreamDriving(IServiceProvider Provider, BrookBuilder Builder, StreamOptions Stream, StreamGate Gate, TimeProvider Time);
