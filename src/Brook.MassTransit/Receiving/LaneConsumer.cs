using Brook.Lanes;
using MassTransit;

namespace Brook.MassTransit;

/// <summary>The consumer of one lane on an endpoint that takes one message at a time, in this process.</summary>
internal sealed class LaneConsumer(LaneReceiver receiver, StreamOptions stream, StreamBacklog backlog, CancellationToken stopped) : IConsumer<StreamMessage>
{
    private readonly StreamDelivery[] _one = new StreamDelivery[1];
    private readonly Lock _lock = new();
    private Task<Lane>? _lane;

    /// <summary>Why the lane stands still; null: it does not.</summary>
    public string? Halted => _lane is { IsCompletedSuccessfully: true } lane ? lane.GetAwaiter().GetResult().Halted : null;

    public string Name => receiver.Name;

    /// <summary>Events of the lane's queue and at work.</summary>
    public long Waiting => backlog.Waiting(stream.Instance, receiver.Partition);

    /// <summary>Opens the lane, once; what an earlier run left in its outbox leaves now.</summary>
    public Task<Lane> OpenAsync()
    {
        lock (_lock)
        {
            if (_lane is null or { IsFaulted: true } or { IsCanceled: true }) _lane = receiver.OpenAsync(stopped);
            return _lane;
        }
    }

    public async Task Consume(ConsumeContext<StreamMessage> context)
    {
        var headers = StreamHeaders.Read(context.ReceiveContext.TransportHeaders);
        try
        {
            _one[0] = new StreamDelivery(context.MessageId, headers, context.Message.Lines, context.ReceiveContext.ContentType, context.ReceiveContext.TransportHeaders.GetAll());
            var lane = await OpenAsync().WaitAsync(stopped).ConfigureAwait(false);
            while (!await receiver.ReceiveAsync(lane, _one, stopped).ConfigureAwait(false))
            {
                await lane.DisposeAsync().ConfigureAwait(false);        // in one process there is one owner: it is claimed again
                lock (_lock) _lane = null;
                lane = await OpenAsync().WaitAsync(stopped).ConfigureAwait(false);
            }
            backlog.Handled(stream.Instance, headers.Count, receiver.Partition);    // as it was counted when it was sent
        }
        catch (OperationCanceledException) when (stopped.IsCancellationRequested)
        {
            // the queue ends with the process; what is left was said
        }
        finally
        {
            _one[0] = default;
        }
    }
}
