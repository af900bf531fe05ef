using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Hello.Api.Native;

/// <summary>Options of one type. No field may need a constructor, because none runs.</summary>
internal abstract class CompiledOptions
{
    /// <param name="registered">The services that were registered before the first options.</param>
    public abstract void AddTo(IServiceCollection services, ServiceDescriptor[] registered);
}

/// <summary>Calls the same setup actions in the same order as the options of the container. They never change, because no setting does.</summary>
/// <remarks>Few types have <typeparamref name="TOptions"/> in their name, because each costs 10,000 bytes: a dictionary of objects, no lists.</remarks>
internal sealed class CompiledOptions<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicParameterlessConstructor)] TOptions>
    : CompiledOptions, IOptions<TOptions>, IOptionsMonitor<TOptions>
    where TOptions : class
{
    private Dictionary<string, object>? _made;
    private IServiceProvider? _provider;
    private ServiceDescriptor[]? _setups, _afterwards, _checks, _factories;

    public TOptions Value => Get(Options.DefaultName);

    public TOptions CurrentValue => Value;

    public override void AddTo(IServiceCollection services, ServiceDescriptor[] registered)
    {
        _made = [];
        (_setups, _afterwards) = (Of(typeof(IConfigureOptions<TOptions>)), Of(typeof(IPostConfigureOptions<TOptions>)));
        (_checks, _factories) = (Of(typeof(IValidateOptions<TOptions>)), Of(typeof(IOptionsFactory<TOptions>)));
        Add(typeof(IOptions<TOptions>), () => this);
        Add(typeof(IOptionsMonitor<TOptions>), () => this);
        if (_factories.Length > 0)
        {
            // The factories ask for these.
            Add(typeof(IEnumerable<IConfigureOptions<TOptions>>), Setups);
            Add(typeof(IEnumerable<IPostConfigureOptions<TOptions>>), Afterwards);
            Add(typeof(IEnumerable<IValidateOptions<TOptions>>), Checks);
        }

        // The registered services, in their order.
        ServiceDescriptor[] Of(Type type)
        {
            var found = Array.FindAll(registered, service => service.ServiceType == type && !service.IsKeyedService);
            foreach (var service in Array.FindAll(found, service => service.ImplementationType is not null))
            {
                services.TryAddSingleton(service.ImplementationType!); // so that the container can make it
            }

            return found;
        }

        void Add(Type type, Func<object> make) => services.AddSingleton(type, provider =>
        {
            _provider = provider;
            return make();
        });
    }

    public TOptions Get(string? name)
    {
        lock (_made!)
        {
            name ??= Options.DefaultName;
            if (!_made.TryGetValue(name, out var options))
            {
                // OpenTelemetry has factories of its own, which read the variables.
                _made[name] = options = _factories is [.., var factory]
                    ? ((IOptionsFactory<TOptions>)Make(factory)).Create(name)
                    : new OptionsFactory<TOptions>(Setups(), Afterwards(), Checks()).Create(name);
            }

            return (TOptions)options;
        }
    }

    public IDisposable? OnChange(Action<TOptions, string?> listener) => null;

    private IConfigureOptions<TOptions>[] Setups() => (IConfigureOptions<TOptions>[])Fill(new IConfigureOptions<TOptions>[_setups!.Length], _setups);

    private IPostConfigureOptions<TOptions>[] Afterwards() =>
        (IPostConfigureOptions<TOptions>[])Fill(new IPostConfigureOptions<TOptions>[_afterwards!.Length], _afterwards);

    private IValidateOptions<TOptions>[] Checks() => (IValidateOptions<TOptions>[])Fill(new IValidateOptions<TOptions>[_checks!.Length], _checks);

    private object[] Fill(object[] array, ServiceDescriptor[] services)
    {
        for (var i = 0; i < array.Length; i++)
        {
            array[i] = Make(services[i]);
        }

        return array;
    }

    private object Make(ServiceDescriptor service) =>
        service.ImplementationInstance ?? service.ImplementationFactory?.Invoke(_provider!) ?? _provider!.GetRequiredService(service.ImplementationType!);
}
