//! Why there is no link here, and what would change it.

use crate::text::Text;
use std::io;

/// What a step of the set-up returns.
pub(super) type Step<T> = Result<T, SetupError>;

/// A step of the set-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum SetupStep {
    /// unshare(2) of a user namespace.
    UserNamespace,
    /// Writing /proc/self/uid_map and its kin (user_namespaces(7)).
    IdMap,
    /// unshare(2) or setns(2) of a network namespace.
    NetNamespace,
    /// Opening /dev/net/tun, and TUNSETIFF.
    Tun,
    /// Making a veth pair (veth(4)).
    Veth,
    /// A packet socket on it (packet(7)).
    PacketSocket,
    /// Address, MTU, queue and flags of an interface.
    Configure,
    /// Asking another process to try.
    Probe,
}

impl SetupStep {
    const ALL: [SetupStep; 8] = [
        SetupStep::UserNamespace,
        SetupStep::IdMap,
        SetupStep::NetNamespace,
        SetupStep::Tun,
        SetupStep::Veth,
        SetupStep::PacketSocket,
        SetupStep::Configure,
        SetupStep::Probe,
    ];

    pub(super) fn from_number(number: u8) -> Option<SetupStep> {
        SetupStep::ALL.get(usize::from(number)).copied()
    }

    fn text(self) -> Text {
        match self {
            SetupStep::UserNamespace => Text::new("making a user namespace", "创建用户命名空间"),
            SetupStep::IdMap => Text::new("mapping the user into its namespace", "把用户映射进命名空间"),
            SetupStep::NetNamespace => Text::new("making a network namespace", "创建网络命名空间"),
            SetupStep::Tun => Text::new("opening /dev/net/tun", "打开 /dev/net/tun"),
            SetupStep::Veth => Text::new("making a veth pair", "创建 veth 接口对"),
            SetupStep::PacketSocket => Text::new("opening a packet socket", "打开分组套接字"),
            SetupStep::Configure => Text::new("setting up the interface", "配置网络接口"),
            SetupStep::Probe => Text::new("trying it in another process", "在另一个进程里尝试"),
        }
    }
}

/// A step that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetupError {
    /// Which.
    pub stage: SetupStep,
    /// The system's error number; 0 where it gave none.
    pub errno: i32,
}

impl SetupError {
    /// Turns the error of a call made in this step into one of ours, for `map_err`.
    pub(super) fn at<E: Into<io::Error>>(stage: SetupStep) -> impl Fn(E) -> SetupError {
        move |error| SetupError { stage, errno: error.into().raw_os_error().unwrap_or(0) }
    }

    /// The same for a system call made through libc, which has just returned `rc`.
    pub(super) fn check(rc: libc::c_int, stage: SetupStep) -> Step<libc::c_int> {
        if rc < 0 { Err(SetupError::at(stage)(io::Error::last_os_error())) } else { Ok(rc) }
    }

    /// What failed, in both languages.
    pub fn text(&self) -> Text {
        let error = io::Error::from_raw_os_error(self.errno);
        let name = crate::sys::errno::name(&error);
        // The sentence of a system error ends in "(os error 1)"; its name says that better.
        let sentence = error.to_string();
        let sentence = sentence.split(" (os error").next().unwrap_or_default().to_owned();
        let said = Text::same(format!("{name} ({sentence})"));
        Text::new("{} failed: {}", "{}失败：{}").with(&self.stage.text()).with(&said)
    }

    /// What would change it: found by the failing step and its errno; sysctls are read only to word it.
    pub fn remedy(&self) -> Text {
        let is_set = |name: &str, to: &str| {
            let value = std::fs::read_to_string(format!("/proc/sys/{name}"));
            value.is_ok_and(|value| value.trim() == to)
        };
        match (self.stage, self.errno) {
            (SetupStep::UserNamespace, libc::ENOSPC | libc::EUSERS) if is_set("user/max_user_namespaces", "0") => {
                Text::new(
                    "user namespaces are switched off; an administrator allows them with: sysctl user.max_user_namespaces=15000",
                    "用户命名空间被关闭；管理员可用此命令打开：sysctl user.max_user_namespaces=15000",
                )
            }
            (SetupStep::UserNamespace, libc::ENOSPC | libc::EUSERS) => Text::new(
                "the limit of user namespaces is reached: end some, or raise user.max_user_namespaces",
                "用户命名空间数量已达上限：结束一些，或调高 user.max_user_namespaces",
            ),
            (SetupStep::UserNamespace, libc::EPERM) if is_set("kernel/unprivileged_userns_clone", "0") => Text::new(
                "this system keeps them for root; an administrator allows them with: sysctl kernel.unprivileged_userns_clone=1",
                "本系统只允许 root 使用；管理员可用此命令放开：sysctl kernel.unprivileged_userns_clone=1",
            ),
            (SetupStep::IdMap | SetupStep::NetNamespace, libc::ENOENT) => {
                Text::new("/proc is not there: mount -t proc proc /proc", "没有挂载 /proc：mount -t proc proc /proc")
            }
            (SetupStep::UserNamespace, libc::EINVAL) => Text::new(
                "the kernel was built without user namespaces (CONFIG_USER_NS): run as root",
                "内核未编入用户命名空间（CONFIG_USER_NS）：请以 root 运行",
            ),
            // Ubuntu's AppArmor lets the namespace be made, and refuses what makes it useful.
            (SetupStep::IdMap | SetupStep::NetNamespace, libc::EACCES | libc::EPERM)
                if is_set("kernel/apparmor_restrict_unprivileged_userns", "1") =>
            {
                Text::new(
                    "AppArmor restricts them; an administrator allows them with: sysctl kernel.apparmor_restrict_unprivileged_userns=0, or run as root",
                    "AppArmor 限制了它；管理员可用此命令放开：sysctl kernel.apparmor_restrict_unprivileged_userns=0，或以 root 运行",
                )
            }
            (SetupStep::NetNamespace, libc::ENOSPC | libc::EUSERS) => Text::new(
                "the limit of network namespaces is reached: raise user.max_net_namespaces",
                "网络命名空间数量已达上限：请调高 user.max_net_namespaces",
            ),
            (SetupStep::Tun, libc::ENOENT | libc::ENODEV) => {
                Text::new("the tun module is not loaded: modprobe tun", "没有加载 tun 模块：modprobe tun")
            }
            (SetupStep::Tun, libc::EACCES | libc::EPERM) => Text::new(
                "its permissions do not let you: chmod 666 /dev/net/tun (the usual setting)",
                "没有权限打开它：chmod 666 /dev/net/tun（通常就是这样设置的）",
            ),
            (SetupStep::Veth, libc::EOPNOTSUPP) => {
                Text::new("the veth module is not there: modprobe veth", "没有 veth 模块：modprobe veth")
            }
            (_, libc::EPERM | libc::EACCES) => Text::new(
                "a sandbox or a container forbids it: run outside, or give it CAP_NET_ADMIN and CAP_SYS_ADMIN",
                "沙箱或容器禁止了它：在外面运行，或给它 CAP_NET_ADMIN 与 CAP_SYS_ADMIN",
            ),
            (_, libc::ENOSYS) | (SetupStep::NetNamespace, libc::EINVAL) => Text::new(
                "this kernel, or a sandbox, has no namespaces: run outside, or in a virtual machine",
                "这个内核或沙箱没有命名空间：请在外面运行，或用虚拟机",
            ),
            (_, libc::EMFILE | libc::ENFILE) => {
                Text::new("too many files are open: ulimit -n 1024", "打开的文件太多：ulimit -n 1024")
            }
            _ => Text::new("stickdemo doctor shows each way", "stickdemo doctor 会逐项说明"),
        }
    }
}

/// No backend works here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unavailable {
    /// What stopped the TUN.
    pub tun: SetupError,
    /// What stopped the veth pair; `None` when the first failure was fatal to both.
    pub veth: Option<SetupError>,
}

impl Unavailable {
    /// What is missing and what would change it.
    pub fn text(&self) -> Text {
        let reason = |failed: &SetupError| Text::new("{}; {}", "{}；{}").with(&failed.text()).with(&failed.remedy());
        let reason = match &self.veth {
            Some(veth) if veth.stage != self.tun.stage => {
                Text::new("{}; and without it: {}", "{}；不用它时：{}").with(&reason(&self.tun)).with(&reason(veth))
            }
            _ => reason(&self.tun),
        };
        Text::new("no packet link: {}", "无法建立模拟链路：{}").with(&reason)
    }
}
