using static Brook.Change;

namespace Brook.Tests.PropertyTests;

internal sealed record Opened(string Account, int Amount);

internal sealed record Booked(string Account, int Amount);

internal sealed record Closed(string Account);

/// <summary>Handled by one that reads the view.</summary>
internal sealed record Doubled(string Account);

/// <summary>Has no key.</summary>
internal sealed record Noted(int Number);

internal sealed record Account(string Name, int Sum, List<int> Bookings);

/// <summary>Every kind of change there is; what events of different keys share does not depend on their order.</summary>
internal sealed class Accounts : IBrookHandler<Opened>, IBrookHandler<Booked>, IBrookHandler<Closed>, IBrookHandler<Noted>
{
    public static readonly ViewCollection<Account> All = "accounts";
    public static readonly ViewCollection<long> Total = "total", Weights = "weights";
    public static readonly ViewCollection<List<int>> Notes = "notes";

    public Changes Handle(BrookEvent<Opened> e) => [Create(All, e.Data.Account, new Account(e.Data.Account, e.Data.Amount, [])), Merge(Total, "all", sum => sum + e.Data.Amount)];

    public Changes Handle(BrookEvent<Booked> e) =>
    [
        Merge(All, e.Data.Account, account => Add(account ?? throw new InvalidOperationException("no such account"), e.Data.Amount)),
        Merge(Total, "all", sum => sum + e.Data.Amount),
        Merge(Weights, e.Data.Account, weight => unchecked((weight * 31) + e.Data.Amount)),
        e.Data.Amount % 3 == 0 ? Send("large", e.Data, e.Key) : Discard,
    ];

    public Changes Handle(BrookEvent<Closed> e) => [Delete(All, e.Data.Account), Merge(Weights, e.Data.Account, weight => weight + 1)];

    public Changes Handle(BrookEvent<Noted> e) => Merge(Notes, "all", [], notes =>
    {
        notes.Add(e.Data.Number);           // in place: users do
        return notes;
    });

    private static Account Add(Account account, int amount)
    {
        account.Bookings.Add(amount);
        return account with { Sum = account.Sum + amount };
    }
}

internal sealed class Doubling : IAsyncBrookHandler<Doubled>
{
    public async ValueTask<Changes> HandleAsync(BrookEvent<Doubled> e, HandlerContext context, CancellationToken cancellationToken)
    {
        var account = await context.View.GetAsync(Accounts.All, e.Data.Account, cancellationToken);
        await Task.Yield();
        if (account is null) return Discard;
        var total = await context.View.GetAsync(Accounts.Total, "all", cancellationToken);
        return [Create(Accounts.All, account.Name, account with { Sum = account.Sum * 2 }), Create(Accounts.Total, "all", total + account.Sum), Create(Accounts.Weights, account.Name, account.Sum)];
    }
}
