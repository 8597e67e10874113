using MassTransit;
using MassTransit.Context;
using MassTransit.Serialization;
using MassTransit.Transports;

namespace Brook.MassTransit.Kafka;

/// <summary>MassTransit's receive observers hear of a batch as of a message that is received.</summary>
internal sealed class BatchObservation(ReceiveEndpointContext? endpoint, string lane, int records)
{
    private readonly BatchContext? _context = endpoint is null ? null : new(endpoint, lane, records);

    public Task BeforeAsync() => _context is null ? Task.CompletedTask : endpoint!.ReceiveObservers.PreReceive(_context);

    public async Task AfterAsync()
    {
        if (_context is null) return;
        await endpoint!.ReceiveObservers.PostReceive(_context).ConfigureAwait(false);
        _context.Dispose();
    }

    public async Task FailedAsync(Exception error)
    {
        if (_context is null) return;
        await endpoint!.ReceiveObservers.ReceiveFault(_context, error).ConfigureAwait(false);
        _context.Dispose();
    }

    private sealed class BatchContext(ReceiveEndpointContext endpoint, string lane, int records) : BaseReceiveContext(false, endpoint)
    {
        public override MessageBody Body { get; } = new EmptyMessageBody();

        protected override IHeaderProvider HeaderProvider { get; } = new DictionaryHeaderProvider(new Dictionary<string, object> { ["Brook-Lane"] = lane, ["Brook-Count"] = records });
    }
}
