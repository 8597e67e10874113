using System.Net.Mime;
using System.Text;
using System.Threading.Channels;
using Brook.Lanes;
using MassTransit.RabbitMqTransport;
using Microsoft.Extensions.Logging;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using RabbitMQ.Client.Exceptions;

namespace Brook.MassTransit.RabbitMq;

/// <summary>
/// Reads a lane from one channel: takes what has come, commits it together, acknowledges it with one call. It ends with the channel, or closes it: what was not
/// acknowledged then goes back to the queue in order. The lane is claimed once, by the first message; who is fenced later has lost its channel or will.
/// </summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage("Design", "CA1001", Justification = "The token source has no timer and no handle; late callers may still cancel it.")]
internal sealed class LaneReader : IAsyncBasicConsumer
{
    /// <summary>How many messages are committed together at most.</summary>
    public const int MaxMessages = 64;

    private readonly LaneReceiver _receiver;
    private readonly ChannelContext _channel;
    private readonly IAsyncBasicConsumer _endpoint;
    private readonly string _queue;
    private readonly Uri _address;
    private readonly ILogger _logger;
    private readonly Channel<(ulong Tag, StreamDelivery Message)> _deliveries = System.Threading.Channels.Channel.CreateUnbounded<(ulong, StreamDelivery)>(new() { SingleReader = true });
    private readonly StreamDelivery[] _run = new StreamDelivery[MaxMessages];
    private readonly CancellationTokenSource _gone = new();
    private volatile bool _stopping;
    private volatile Lane? _lane;
    private int _inHand;

    /// <param name="receiver">Takes the messages along.</param>
    /// <param name="channel">The channel, which no other consumer uses.</param>
    /// <param name="endpoint">MassTransit's consumer: it hears of everything but messages.</param>
    /// <param name="queue">The lane's queue.</param>
    /// <param name="address">The endpoint's.</param>
    /// <param name="previous">Ends with the lane's reader before.</param>
    /// <param name="logger">Of the package.</param>
    public LaneReader(LaneReceiver receiver, ChannelContext channel, IAsyncBasicConsumer endpoint, string queue, Uri address, Task previous, ILogger logger)
    {
        (_receiver, _channel, _endpoint, _queue, _address, _logger) = (receiver, channel, endpoint, queue, address, logger);
        channel.Channel.ChannelShutdownAsync += (_, _) => AbandonAsync();         // the client tells a consumer only that is registered
        Completed = Task.Run(() => ReadAsync(previous));
    }

    /// <summary>Ends when nothing is at work any more; never throws.</summary>
    public Task Completed { get; }

    public bool IsActive => _lane is not null && !_stopping;

    public string? Halted => _lane?.Halted;

    /// <summary>Messages that the broker has given and that are not acknowledged.</summary>
    public int InHand => _stopping ? 0 : Volatile.Read(ref _inHand);

    public IChannel? Channel => _channel.Channel;

    /// <summary>Finishes the run at work, then closes the channel; when the token is cancelled, at once.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        _stopping = true;
        _deliveries.Writer.TryComplete();
        using var _ = cancellationToken.UnsafeRegister(static gone => ((CancellationTokenSource)gone!).Cancel(), _gone);
        if (Halted is not null) await _gone.CancelAsync().ConfigureAwait(false);        // it waits for somebody to act, not for itself
        await Completed.ConfigureAwait(false);
    }

    public Task HandleBasicDeliverAsync(string consumerTag, ulong deliveryTag, bool redelivered, string exchange, string routingKey, IReadOnlyBasicProperties properties, ReadOnlyMemory<byte> body, CancellationToken cancellationToken = default)
    {
        if (!_stopping && _deliveries.Writer.TryWrite((deliveryTag, Delivery(properties, body.ToArray())))) Interlocked.Increment(ref _inHand);       // the client uses its buffer again
        return Task.CompletedTask;
    }

    public Task HandleBasicConsumeOkAsync(string consumerTag, CancellationToken cancellationToken = default) => _endpoint.HandleBasicConsumeOkAsync(consumerTag, cancellationToken);

    public Task HandleBasicCancelOkAsync(string consumerTag, CancellationToken cancellationToken = default) => _endpoint.HandleBasicCancelOkAsync(consumerTag, cancellationToken);

    /// <summary>The broker ends the consumer: the queue was deleted, or its node is gone.</summary>
    public async Task HandleBasicCancelAsync(string consumerTag, CancellationToken cancellationToken = default)
    {
        await AbandonAsync().ConfigureAwait(false);
        await _endpoint.HandleBasicCancelAsync(consumerTag, cancellationToken).ConfigureAwait(false);
    }

    public async Task HandleChannelShutdownAsync(object channel, ShutdownEventArgs reason)
    {
        await AbandonAsync().ConfigureAwait(false);
        await _endpoint.HandleChannelShutdownAsync(channel, reason).ConfigureAwait(false);
    }

    /// <summary>The channel is gone, or was never read: what is at work ends, and nothing is acknowledged.</summary>
    public async Task AbandonAsync()
    {
        _deliveries.Writer.TryComplete();
        await _gone.CancelAsync().ConfigureAwait(false);
    }

    private async Task ReadAsync(Task previous)
    {
        await previous.ConfigureAwait(false);
        try
        {
            while (!_stopping && await _deliveries.Reader.WaitToReadAsync(_gone.Token).ConfigureAwait(false) && !_stopping)
            {
                _lane ??= await OpenAsync().ConfigureAwait(false);
                var (run, last) = TakeRun();
                if (!await _receiver.ReceiveAsync(_lane, run, _gone.Token).ConfigureAwait(false)) break;
                Array.Clear(_run);              // lets go of the bodies
                await _channel.BasicAck(last, multiple: true, _gone.Token).ConfigureAwait(false);
                Interlocked.Add(ref _inHand, -run.Length);
            }
        }
        catch (Exception) when (_gone.IsCancellationRequested || _channel.Channel.IsClosed)
        {
            // the broker gives the messages to whoever is next, and those that are in the view are known there
        }
        catch (Exception error)
        {
            Log.ReaderFails(_logger, _receiver.Name, error);
        }
        finally
        {
            _stopping = true;
            await EndAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Claims the lane, and makes sure that the broker still takes this node for its reader: what is at hand was given to nobody else before the claim.</summary>
    private async Task<Lane> OpenAsync()
    {
        var lane = await _receiver.OpenAsync(_gone.Token).ConfigureAwait(false);
        try
        {
            await _channel.QueueDeclarePassive(_queue, _gone.Token).ConfigureAwait(false);
            return lane;
        }
        catch
        {
            await lane.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private (ReadOnlyMemory<StreamDelivery> Run, ulong LastTag) TakeRun()
    {
        var (count, last) = (0, 0UL);
        while (count < MaxMessages && _deliveries.Reader.TryRead(out var delivery)) (_run[count++], last) = (delivery.Message, delivery.Tag);
        return (_run.AsMemory(0, count), last);
    }

    private async Task EndAsync()
    {
        try
        {
            if (_lane is { } lane) await lane.DisposeAsync().ConfigureAwait(false);
            if (_channel.Channel.IsClosed) return;
            // MassTransit closes the channel once its consumer has ended: who closes it beside MassTransit kills the connection (RabbitMQ.Client 7).
            var reason = new ShutdownEventArgs(ShutdownInitiator.Application, Constants.ReplySuccess, "Brook hands the lane back");
            _channel.NotifyFaulted(new OperationCanceledException(reason.ReplyText), _address);
            await _endpoint.HandleChannelShutdownAsync(this, reason).ConfigureAwait(false);
        }
        catch (Exception error)
        {
            Log.ReaderFails(_logger, _receiver.Name, error);
        }
    }

    private static StreamDelivery Delivery(IReadOnlyBasicProperties properties, byte[] body)
    {
        var headers = properties.Headers;
        return new StreamDelivery(Guid.TryParse(properties.MessageId, out var id) ? id : null,
            StreamHeaders.Read(name => headers is not null && headers.TryGetValue(name, out var value) ? Text(value) as string : null),
            body, ContentTypeOf(properties.ContentType), headers?.Select(header => KeyValuePair.Create(header.Key, Text(header.Value) ?? "")) ?? []);
    }

    private static ContentType? ContentTypeOf(string? text)
    {
        try { return string.IsNullOrWhiteSpace(text) ? null : text == WireContract.Lines.MediaType ? WireContract.Lines : new ContentType(text); }
        catch (FormatException) { return null; }
    }

    private static object? Text(object? value) => value is byte[] bytes ? Encoding.UTF8.GetString(bytes) : value;
}
