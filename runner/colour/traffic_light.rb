# Decides colours by running untrusted lambdas, each in a process of its own that serves once.
#
# Runs in its own container as `ruby -e THIS-FILE LIMIT_S PLACES`; needs Ruby 2.7 and its standard library.
# Prints READY; then reads questions from stdin and writes answers to stdout, in any order:
#
#   question  <id> <colour|hidden> <bytes>\n  and that many bytes of JSON
#             colour: {"source", "stdout", "stderr", "status"}; hidden: {"patterns", "names"}
#   answer    <id> <bytes>\n  and that many bytes of JSON, one of
#             {"colour": "red"}, {"hidden": [indexes of names]}, {"bad_pattern": index, "message"},
#             and the fault {"context", "class", "message"}
#
# Three kinds of process:
#
#   front     speaks to the daemon; has no privilege, and never forks once it has read a question
#   nursery   forks cells; never sees a question, so that what a cell inherits is nobody's output
#   cell      waits, locked down, for one question; answers it over its socket; is swept away
#
# The nursery is root with CAP_SETUID and CAP_SETGID, and no more, because each cell gets a user id
# that nothing else has: the kernel then keeps cells from signalling, tracing and reading others,
# and all that a lambda started can be killed as the processes of one user.
#
# A cell is one process with one thread, and all memory that it takes is its own: the kernel refuses it
# every other process, and seccomp every object that holds memory and belongs to no process
# (lockdown.py). So when the container runs out of memory, its largest process is a greedy lambda,
# and the kernel kills that one. No process is marked as one to be killed first (oom_score_adj): a
# lambda could take such a mark off itself, and the kernel would kill all others before it.
#
# The front holds the other end of each cell's socket. So it hears of the end of a cell, whatever the
# cause, and asks the nursery for another.
#
# ASCII only: `-e` has the encoding of the locale.

require "json"
require "socket"

module TrafficLight
  READY = "dojo-runner traffic light ready\n"
  LIMIT_S = Float(ARGV.fetch(0)) # the time of a question, from its hand-over to a cell

  PLACES = Integer(ARGV.fetch(1)) # questions under way
  CELLS = PLACES + 2 # two more, so that the next question finds a cell that is ready
  IDS = 1 + 2 * CELLS # user and group: the front's, and two for each cell, see Cell

  # The kernel counts pipes, signals and the like for each user of the host. So the containers of
  # several replicas draw ids of their own by chance. Nobody else uses the first range. It is so large
  # that with a hundred containers on a host, two overlap on one of three thousand hosts. The second range
  # is for a remapped user namespace, above the ids of learners; with three containers, two overlap on
  # one of two hundred hosts.
  ID_RANGES = [1_879_048_192..2_147_483_646, 52_000..65_500].freeze

  QUESTION_BYTES = 4 * 1024 * 1024
  ANSWER_BYTES = { "colour" => 16 * 1024, "hidden" => 1024 * 1024 }.freeze
  MESSAGE_BYTES = 1024

  COLOURS = %w[red amber green].freeze
  EVALING = "exception when eval'ing lambda source"
  CALLING = "exception when calling lambda source"
  ILLEGAL = "illegal colour; must be one of ['red','amber','green']"

  CELL_READY = "locked down\n"
  COLD_S = 0.02 # how long to wait for a cell that is not ready before looking at the next
  SHORT_OF_MEANS_S = 0.05 # between two attempts to make a cell

  CELL_NICE = 10 # so that lambdas that burn their second do not hold up the front and the nursery

  CELL_LIMITS = {
    NPROC: 0, # no second process, and no thread beside those that Ruby itself has by now
    DATA: 192 * 1024 * 1024, # Ruby itself takes 60
    AS: 512 * 1024 * 1024, # shared mappings do not count as data
    NOFILE: 20, # every pipe and socket has buffers, whose memory belongs to no process
    FSIZE: 0, # there is nothing to write to
    CORE: 0,
    MSGQUEUE: 0, # message queues outlive their makers
    SIGPENDING: 64, # a queued signal, and a timer, are memory of the kernel's
    MEMLOCK: 0,
    CPU: LIMIT_S.ceil + 1, # a second limit, should the sweep fail
  }.freeze

  def self.main
    Encoding.default_external = Encoding::UTF_8
    maps = %w[uid_map gid_map].map { |name| File.read("/proc/self/#{name}") }
    first_id = draw_first_id(maps)
    ours, theirs = UNIXSocket.pair(:SEQPACKET)
    fork do
      ours.close
      Nursery.new(theirs, first_id + 1).run
    end
    theirs.close
    Front.new(ours, first_id).run
  end

  # The first of IDS successive ids that this user namespace has, for users and for groups.
  def self.draw_first_id(maps)
    range = ID_RANGES.find { |ids| maps.all? { |map| mapped?(map, ids) } } || ID_RANGES.last
    range.first + IDS * Random.rand(range.size / IDS)
  end

  # Each line of a map: the first id inside, the first outside, and how many there are.
  def self.mapped?(map, ids)
    map.lines.map { |line| line.split.map { |word| Integer(word) } }.any? do |inside, _, count|
      inside <= ids.first && ids.last < inside + count
    end
  end

  def self.fault(context, class_name, message)
    { "context" => context, "class" => text(class_name), "message" => text(message) }
  end

  def self.text(value)
    value.to_s.byteslice(0, MESSAGE_BYTES).force_encoding(Encoding::UTF_8).scrub("")
  end

  def self.take_groups_of(id)
    Process.groups = []
    Process::Sys.setresgid(id, id, id)
  end

  # Reads questions, hands each to a cell, and writes its answer if that has a right form.
  class Front
    CellAtHand = Struct.new(:number, :socket)

    def initialize(nursery, id)
      @nursery = nursery
      @id = id
      @cells = Queue.new
      @questions = SizedQueue.new(PLACES)
      @one_frame_at_a_time = Mutex.new
    end

    def run
      # A bug in a thread must end the container, where the daemon sees it.
      Thread.abort_on_exception = true
      TrafficLight.take_groups_of(@id)
      Process::Sys.setresuid(@id, @id, @id)
      try_one
      receive_cell until @cells.size == CELLS
      Thread.new { loop { receive_cell } }
      PLACES.times { Thread.new { loop { serve(*@questions.pop) } } }
      $stdout.write(READY)
      $stdout.flush
      read_questions
      exit!(0) # the daemon has gone
    end

    private

    # Whether cells can be locked down here is known before the first question comes.
    def try_one
      receive_cell
      cell = @cells.pop
      cell.socket.wait_readable
      said = cell.socket.read_nonblock(MESSAGE_BYTES)
      abort("a cell cannot be locked down: #{said}") if said != CELL_READY
      discard(cell)
    rescue EOFError
      abort("a cell has ended before it was locked down")
    end

    def receive_cell
      message, _sender, _flags, rights = @nursery.recvmsg(scm_rights: true)
      abort("the nursery has ended") if message.nil? || message.empty?
      @cells << CellAtHand.new(Integer(message), rights.unix_rights.first)
    end

    def read_questions
      while (header = $stdin.gets("\n", 64))
        id, kind, bytes = header.match(/\A(\d+) (colour|hidden) (\d{1,9})\n\z/)&.captures
        abort("unreadable frame: #{header.dump}") if id.nil? || bytes.to_i > QUESTION_BYTES
        @questions << [id, kind, $stdin.read(bytes.to_i)]
      end
    end

    def serve(id, kind, question)
      answer = nil
      until answer
        cell = warm_cell
        answer = ask(cell.socket, kind, question)
        discard(cell)
      end
      answer = JSON.generate(answer)
      @one_frame_at_a_time.synchronize do
        $stdout.write("#{id} #{answer.bytesize}\n", answer)
        $stdout.flush
      end
    end

    # A cell that is not locked down yet goes to the end of the queue. A cell that has ended, or says
    # anything else, was killed for want of memory, or could not be locked down because of it.
    def warm_cell
      loop do
        cell = @cells.pop
        if cell.socket.wait_readable(COLD_S)
          return cell if ready?(cell.socket)

          discard(cell)
        else
          @cells << cell
        end
      end
    end

    def ready?(socket)
      socket.readpartial(MESSAGE_BYTES) == CELL_READY && !socket.wait_readable(0)
    rescue EOFError, SystemCallError
      false
    end

    def discard(cell)
      cell.socket.close
      begin
        @nursery.send(cell.number.to_s, 0)
      rescue Errno::ENOBUFS, Errno::ENOMEM
        sleep SHORT_OF_MEANS_S
        retry
      end
    end

    # Nil when the cell ended before it had the question, which can then be asked again.
    def ask(socket, kind, question)
      deadline = now + LIMIT_S
      return nil unless hand_over(socket, kind, question)

      line = read_line(socket, deadline, ANSWER_BYTES.fetch(kind))
      line ? checked(kind, line) : unanswered("Timeout", "no answer within #{LIMIT_S} s")
    rescue EOFError, SystemCallError
      unanswered("NoAnswer", "its process ended without an answer")
    end

    # The write cannot take long: a cell reads all of its question before it evaluates anything.
    def hand_over(socket, kind, question)
      socket.write(kind, "\n", question)
      socket.close_write
      true
    rescue SystemCallError
      false
    end

    def read_line(socket, deadline, limit_bytes)
      line = "".b
      until line.end_with?("\n") || line.bytesize > limit_bytes
        return nil unless socket.wait_readable([deadline - now, 0].max)

        line << socket.readpartial(16 * 1024)
      end
      line
    end

    # A lambda may have written these bytes, so the daemon gets only an answer that is rebuilt here.
    def checked(kind, line)
      said = JSON.parse(line.force_encoding(Encoding::UTF_8))
      if kind == "colour" && COLOURS.include?(said["colour"])
        { "colour" => said["colour"] }
      elsif kind == "hidden" && said["hidden"]
        { "hidden" => said["hidden"].map { |index| checked_index(index) } }
      elsif kind == "hidden" && said["bad_pattern"]
        { "bad_pattern" => checked_index(said["bad_pattern"]),
          "message" => TrafficLight.text(said["message"]) }
      elsif [EVALING, CALLING, ILLEGAL].include?(said["context"])
        TrafficLight.fault(said["context"], said["class"], said["message"])
      else
        unanswered("NoAnswer", "its process spoilt its answer")
      end
    rescue StandardError
      unanswered("NoAnswer", "its process spoilt its answer")
    end

    # The daemon checks whether there is a name or a pattern of that index.
    def checked_index(index)
      raise TypeError unless index.is_a?(Integer) && index.between?(0, QUESTION_BYTES)

      index
    end

    def unanswered(class_name, message)
      TrafficLight.fault(CALLING, class_name, message)
    end

    def now
      Process.clock_gettime(Process::CLOCK_MONOTONIC)
    end
  end

  # Forks every cell, and then a new one in the place of each that the front has discarded.
  class Nursery
    def initialize(front, first_id)
      @front = front
      @first_id = first_id
      @pids = {} # of each cell's last process
    end

    def run
      $stdin.reopen(File::NULL)
      $stdout.reopen(File::NULL)
      trap("CLD", "IGNORE") # the kernel reaps
      GC.start
      CELLS.times { |number| make_cell(number) }
      while (number = @front.recv(16)) && !number.empty?
        make_cell(Integer(number))
      end
    end

    private

    # A shortage of memory, processes or descriptors passes. Without another try the cell would be
    # missing for ever.
    def make_cell(number)
      ours, theirs = UNIXSocket.pair
      @pids[number] = fork_cell(number, theirs, ours)
      @front.sendmsg(number.to_s, 0, nil, Socket::AncillaryData.unix_rights(ours))
    rescue Errno::EPIPE
      exit!(0) # the front has ended
    rescue SystemCallError, NoMemoryError
      [ours, theirs].compact.each(&:close) # if the cell was made, it ends with its socket
      sleep SHORT_OF_MEANS_S
      retry
    else
      [ours, theirs].each(&:close)
    end

    def fork_cell(number, socket, other_end)
      before = @pids[number]
      fork do
        [@front, other_end].each(&:close)
        Cell.new(socket, @first_id + 2 * number, before).run
      ensure
        exit! # no at_exit of a lambda's
      end
    end
  end

  # Answers one question. After the question was read, the lambda may change all that runs here.
  class Cell
    # A cell has two ids: its own, and the next one, from which it sweeps. `before` is the process that
    # had these ids last, if any.
    def initialize(socket, id, before)
      @socket = socket
      @id = id
      @before = before
    end

    def run
      lock_down
      @socket.write(CELL_READY)
      kind, question = @socket.read.force_encoding(Encoding::UTF_8).split("\n", 2)
      return if question.nil? # the front needs this cell no more

      question = JSON.parse(question, symbolize_names: true)
      answer = kind == "colour" ? colour(**question) : hidden(**question)
      @socket.write(JSON.generate(answer), "\n")
    end

    private

    def lock_down
      trap("CLD", "DEFAULT")
      Process.setsid
      TrafficLight.take_groups_of(@id)
      sweep
      Process::Sys.setresuid(@id, @id, @id)
      CELL_LIMITS.each { |name, limit| Process.setrlimit(name, limit) }
      $stderr.reopen(File::NULL)
      Process.setpriority(Process::PRIO_PROCESS, 0, CELL_NICE)
      raise "it can become root again" if root_again?
    rescue StandardError => error
      @socket.write(error.message)
      exit!
    end

    def root_again?
      Process::Sys.setuid(0)
      true
    rescue Errno::EPERM
      false
    end

    # Kills the process that had this id last, and waits until it is gone. It does so as a user that
    # may signal that process, and cannot be signalled by it. The process could have no child; should a
    # kernel have let it have some, one kill(-1) reaches even those that are forking.
    def sweep
      Process::Sys.setresuid(@id + 1, @id, @id + 1)
      Process.kill(:KILL, -1)
      sleep 0.001 while @before && there?(@before)
    end

    # The number may belong to a process of another user by now (EPERM).
    def there?(pid)
      Process.kill(0, pid)
      true
    rescue Errno::ESRCH, Errno::EPERM
      false
    end

    def colour(source:, stdout:, stderr:, status:)
      context = EVALING
      decide = eval(source, TOPLEVEL_BINDING.dup, "red_amber_green.rb")
      context = CALLING
      answer = decide.call(stdout, stderr, status.to_i)
      context = ILLEGAL
      answer = answer.to_s if answer.is_a?(Symbol)
      return { "colour" => answer } if COLOURS.include?(answer)

      shown = answer.is_a?(String) ? answer[0, MESSAGE_BYTES] : answer
      TrafficLight.fault(context, answer.class, shown.inspect)
    rescue Exception => error
      TrafficLight.fault(context, error.class, error.message)
    end

    def hidden(patterns:, names:)
      expressions = patterns.each_with_index.map do |pattern, index|
        Regexp.new(pattern)
      rescue RegexpError => error
        return { "bad_pattern" => index, "message" => TrafficLight.text(error.message) }
      end
      hits = names.each_index.select { |index| expressions.any? { |one| one.match?(names[index]) } }
      { "hidden" => hits }
    end
  end
end

TrafficLight.main
