package tollgate.bench;

/** An input that docs/bench-profile.md does not know: the peer must stop. */
final class OutsideProfile extends RuntimeException {
    private static final long serialVersionUID = 1L;

    OutsideProfile(String why) {
        super(why);
    }
}
